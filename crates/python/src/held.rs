//! A request while it is being run: kept, also where its caller gives it up, for the case that a
//! worker dies of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::runtime::Handle;

use streeling_core::{Context, Error, ErrorKind, Input, RequestContext};

use crate::frame::Call;
use crate::quarantine::{Fingerprint, Verdict};
use crate::shared::Shared;
use crate::subject::{OwnedSubject, Subject};

/// No worker has it.
const IDLE: u64 = 0;

/// A worker has died while it had this request alone.
const SUSPECT: u64 = u64::MAX;

/// What a program finds as the reason of a refusal.
const REASON: &str = "REQUEST_QUARANTINED";

/// A request that is being run. It costs nothing as long as no worker dies.
pub(crate) struct Held<'a> {
    shared: &'a Arc<Shared>,
    context: &'a Context,
    call: Call,
    input: Input,
    /// [`IDLE`], [`SUSPECT`], or the id under which it was submitted.
    state: AtomicU64,
    /// Its digest, if a worker has died of a request that looks like it.
    fingerprint: OnceLock<Fingerprint>,
}

impl<'a> Held<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        context: &'a Context,
        call: impl Into<Call>,
        input: Input,
    ) -> Self {
        Self {
            shared,
            context,
            call: call.into(),
            input,
            state: AtomicU64::new(IDLE),
            fingerprint: OnceLock::new(),
        }
    }

    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }

    /// It has been submitted under this id.
    pub(crate) fn submitted(&self, id: u64) {
        self.state.store(id, Ordering::Relaxed);
    }

    /// There is a response to it, or will be none.
    pub(crate) fn ended(&self, was_alone_on_a_dead_worker: bool) {
        let state = if was_alone_on_a_dead_worker {
            SUSPECT
        } else {
            IDLE
        };
        self.state.store(state, Ordering::Relaxed);
    }

    /// Refuses it if workers have died of it.
    ///
    /// # Errors
    ///
    /// What its caller is to see.
    pub(crate) async fn admit(&self) -> Result<(), Error> {
        let quarantine = &self.shared.quarantine;
        // Nearly always it is empty.
        if !quarantine.is_active() {
            return Ok(());
        }
        let subject = self.subject();
        if !subject.is_distinct() || !quarantine.may_know(subject.outline()) {
            return Ok(());
        }
        let fingerprint = subject.fingerprint(quarantine.hasher()).await;
        let fingerprint = *self.fingerprint.get_or_init(|| fingerprint);
        match quarantine.refuse(fingerprint) {
            Some(left) => Err(refused(fingerprint, left.as_secs_f64().ceil() as u64)),
            None => Ok(()),
        }
    }

    /// A worker has responded to it.
    pub(crate) fn served(&self) {
        if let Some(fingerprint) = self.fingerprint.get() {
            self.shared.quarantine.acquit(*fingerprint);
        }
    }

    /// The error that its caller is to see: where a worker has died of it, that is recorded first.
    pub(crate) async fn settle(&self, error: Error) -> Error {
        if self.state.load(Ordering::Relaxed) != SUSPECT {
            if error.kind == ErrorKind::Component {
                self.served();
            }
            return error;
        }
        let request = self.context.request.as_deref();
        let verdict = record(self.shared, self.subject(), request).await;
        self.state.store(IDLE, Ordering::Relaxed);
        match verdict {
            Some((fingerprint, Verdict::Refused(time))) if error.kind == ErrorKind::WorkerLost => {
                refused(fingerprint, time.as_secs())
            }
            _ => error,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            call: self.call,
            input: &self.input,
            raw_message: &self.context.raw_message,
            original: self.context.original.as_deref(),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let state = *self.state.get_mut();
        if state == IDLE {
            return;
        }
        // Its caller has given it up.
        let is_kept = self.shared.quarantine.is_on() && self.subject().is_distinct();
        let subject = is_kept.then(|| {
            let input = std::mem::replace(&mut self.input, Input::None);
            Box::new(OwnedSubject::new(self.call, input, self.context))
        });
        if state != SUSPECT {
            self.shared.registry.give_up(state, subject);
        } else if let Some(subject) = subject {
            record_later(self.shared, subject);
        }
    }
}

/// Records that a worker has died while it had this request alone, which its caller has given up.
pub(crate) fn record_later(shared: &Arc<Shared>, subject: Box<OwnedSubject>) {
    // Without a runtime the server is going down.
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let shared = Arc::clone(shared);
    runtime.spawn(async move {
        record(&shared, subject.view(), subject.request.as_deref()).await;
    });
}

async fn record(
    shared: &Shared,
    subject: Subject<'_>,
    request: Option<&RequestContext>,
) -> Option<(Fingerprint, Verdict)> {
    let quarantine = &shared.quarantine;
    if !quarantine.is_on() || !subject.is_distinct() {
        return None;
    }
    let fingerprint = subject.fingerprint(quarantine.hasher()).await;
    let verdict = quarantine.record_death(Instant::now(), fingerprint);
    let request_id = request.map(|request| tracing::field::display(&request.id));
    let digest = tracing::field::display(fingerprint);
    match verdict {
        Verdict::Suspect => tracing::warn!(
            request_id,
            digest,
            "a worker has died while it worked on this request alone: if another one does, the \
             request is refused for a while (--quarantine, STREELING_QUARANTINE)"
        ),
        Verdict::Refused(time) => tracing::error!(
            request_id,
            digest,
            "workers have died while they worked on this request alone, and it is refused for {} \
             s, or until a reload (--quarantine, STREELING_QUARANTINE)",
            time.as_secs()
        ),
    }
    Some((fingerprint, verdict))
}

fn refused(fingerprint: Fingerprint, seconds: u64) -> Error {
    Error {
        reason: Some(REASON.into()),
        ..Error::new(
            ErrorKind::Component,
            format!(
                "workers have died while they worked on this request alone, so it is refused for \
                 {seconds} s more, or until a reload (--quarantine, STREELING_QUARANTINE); its \
                 digest is {fingerprint}"
            ),
        )
    }
}
