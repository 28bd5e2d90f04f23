//! An observer that remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use streeling_core::{
    Headers, Observer, Outcome, RequestContext, RequestInfo, Stage, Trace, Transport,
};
use tokio::sync::Notify;

/// Remembers every request that has ended. It samples all of them, so that each stage is recorded.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: Mutex<Vec<Seen>>,
    more: Notify,
}

/// A request as it was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The transport's name.
    pub transport: &'static str,
    /// The request's id.
    pub id: String,
    /// What it was for, as metrics have it.
    pub label: &'static str,
    /// The same, as traces have it.
    pub operation: &'static str,
    /// The transport's code.
    pub code: String,
    /// Whether the server is to blame.
    pub is_fault: bool,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the response's.
    pub sent: u64,
    /// The stages that were recorded.
    pub stages: Vec<&'static str>,
    /// What it looked like.
    pub info: RequestInfo,
}

impl Recorder {
    /// Everything so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The last request; waits for one if there was none yet.
    pub async fn last(&self) -> Seen {
        loop {
            let more = self.more.notified();
            if let Some(last) = self.lock().last() {
                return last.clone();
            }
            more.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn started(&self, _: &'static Transport, _: Headers<'_>) -> Option<Trace> {
        Some(Trace {
            trace_id: 1,
            parent: None,
            span: 2,
            component: 3,
            sampled: true,
        })
    }

    fn wants_info(&self, _: Option<Trace>) -> bool {
        true
    }

    fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        let stages = [Stage::Decode, Stage::Queue, Stage::Component, Stage::Encode];
        let operation = request.operation();
        let seen = Seen {
            transport: request.transport.name,
            id: request.id.to_string(),
            label: operation.label,
            operation: operation.name,
            code: outcome.code.to_string(),
            is_fault: outcome.code.is_fault,
            received: request.received(),
            sent: outcome.bytes,
            stages: stages
                .into_iter()
                .filter(|stage| request.stage(*stage).is_some())
                .map(Stage::name)
                .collect(),
            info: request.info.as_deref().cloned().unwrap_or_default(),
        };
        self.lock().push(seen);
        self.more.notify_waiters();
    }
}
