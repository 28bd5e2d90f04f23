//! One request on its way through the server: its id, its trace, and where its time went.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::RequestId;

/// What a transport calls itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Transport {
    /// Its name, as metrics and logs have it.
    pub name: &'static str,
    /// The code of a request whose client went away before its answer.
    pub abandoned: Code,
}

/// How a request ended, in the transport's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as a number.
    pub number: u16,
    /// Its name, where people know it by that rather than by the number: `UNAVAILABLE`.
    pub name: Option<&'static str>,
    /// Whether the server or the component is to blame for it.
    pub is_fault: bool,
}

impl Transport {
    /// A transport of this name, where a request whose client went away has this code.
    #[must_use]
    pub const fn new(name: &'static str, abandoned: Code) -> Self {
        Self { name, abandoned }
    }
}

impl Code {
    /// A code without a name, for which nobody here is to blame.
    #[must_use]
    pub const fn numbered(number: u16) -> Self {
        Self {
            number,
            name: None,
            is_fault: false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.number),
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As metrics have it: [`Method::label`](crate::Method::label), or the name of what else is served.
    pub label: &'static str,
    /// As traces have it.
    pub operation: &'static str,
}

impl Subject {
    /// Nothing that is served.
    pub const UNKNOWN: Self = Self::new("none", "unknown");

    /// A subject by its two names.
    #[must_use]
    pub const fn new(label: &'static str, operation: &'static str) -> Self {
        Self { label, operation }
    }
}

/// Which trace a request belongs to. It is kept for every request while tracing is on, so that whoever is
/// called next learns that nothing is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub trace_id: u128,
    /// The caller's span.
    pub parent: Option<u64>,
    /// The span of this request.
    pub span: u64,
    /// The span of the component's part in it, the parent of whatever the component records.
    pub component: u64,
    /// Whether it is recorded.
    pub sampled: bool,
}

/// What a request looked like on the wire, for those who write it down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// HTTP method.
    pub verb: Cow<'static, str>,
    /// Path and query.
    pub target: String,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub protocol: &'static str,
    /// Whom the client asked: the `Host` header, or the authority.
    pub host: Option<String>,
    /// The client's address and port.
    pub peer: Option<std::net::SocketAddr>,
    /// The `Referer` header.
    pub referer: Option<String>,
    /// The `User-Agent` header.
    pub agent: Option<String>,
}

impl Head {
    /// A verb to be kept; those that nearly all requests have cost nothing.
    #[must_use]
    pub fn verb(text: &str) -> Cow<'static, str> {
        match text {
            "POST" => "POST".into(),
            "GET" => "GET".into(),
            other => other.to_owned().into(),
        }
    }
}

/// A part of a request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// From bytes to a message.
    Decode,
    /// Waiting for a worker.
    Queue,
    /// Inside the component.
    Component,
    /// From a message to bytes.
    Encode,
}

/// One request, from its head to its answer. Whoever has a hand in it notes down what happened, without a lock.
#[derive(Debug)]
pub struct Call {
    /// Who took it in.
    pub transport: &'static Transport,
    /// Its id.
    pub id: RequestId,
    /// When its head had come.
    pub begun: Instant,
    /// The trace that it belongs to; `None` while tracing is off.
    pub trace: Option<Trace>,
    /// What it looked like, where somebody wants to know.
    pub head: Option<Box<Head>>,
    subject: OnceLock<Subject>,
    /// Bytes of the body.
    received: AtomicU64,
    /// For each stage start and end, in nanoseconds since `begun`, plus one; 0 is never.
    stages: [(AtomicU64, AtomicU64); 4],
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

impl Call {
    /// A request whose head has just come.
    #[must_use]
    pub fn new(transport: &'static Transport, id: RequestId) -> Self {
        Self {
            transport,
            id,
            begun: Instant::now(),
            trace: None,
            head: None,
            subject: OnceLock::new(),
            received: AtomicU64::new(0),
            stages: Default::default(),
        }
    }

    /// Says what is asked for; who says it first is right.
    pub fn set_subject(&self, subject: Subject) {
        let _ = self.subject.set(subject);
    }

    /// What is asked for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject.get().copied().unwrap_or(Subject::UNKNOWN)
    }

    /// Says how many bytes the body has.
    pub fn set_received(&self, bytes: usize) {
        self.received.store(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of the body; 0 until it was read whole.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether its stages are shown one by one.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.trace.is_some_and(|trace| trace.sampled)
    }

    /// Notes when a stage was. A stage that comes again takes the place of the one before.
    pub fn note(&self, stage: Stage, from: Instant, to: Instant) {
        let since = |at: Instant| {
            let nanos = at.saturating_duration_since(self.begun).as_nanos();
            u64::try_from(nanos).unwrap_or(u64::MAX - 1) + 1
        };
        let (start, end) = &self.stages[stage as usize];
        start.store(since(from), Ordering::Relaxed);
        end.store(since(to.max(from)), Ordering::Relaxed);
    }

    /// When a stage was, and how long, if it was.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<(Instant, Duration)> {
        let (start, end) = &self.stages[stage as usize];
        let start = start.load(Ordering::Relaxed).checked_sub(1)?;
        let end = end.load(Ordering::Relaxed).checked_sub(1)?;
        let from = self.begun + Duration::from_nanos(start);
        Some((from, Duration::from_nanos(end.saturating_sub(start))))
    }

    /// The request that this thread is at work on, for the log.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the [current](Call::current) request whenever `work` is under way.
    pub fn scope<F: Future>(self: Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        // A request's work is some kilobytes, which would be moved each time that it is wrapped once more.
        let mut work = Box::pin(work);
        poll_fn(move |context| {
            let _entered = Entered::new(Some(Arc::clone(&self)));
            work.as_mut().poll(context)
        })
    }
}

/// Puts back what was current before.
struct Entered(Option<Arc<Call>>);

impl Entered {
    fn new(call: Option<Arc<Call>>) -> Self {
        Self(CURRENT.replace(call))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl Stage {
    /// Its name, as traces have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Queue => "queue",
            Self::Component => "component",
            Self::Encode => "encode",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    #[test]
    fn stages_are_kept_by_their_times() {
        let call = Call::new(&TEST, RequestId::made());
        assert_eq!(call.stage(Stage::Queue), None);
        let from = call.begun + Duration::from_micros(3);
        call.note(Stage::Queue, from, from + Duration::from_micros(4));
        assert_eq!(
            call.stage(Stage::Queue),
            Some((from, Duration::from_micros(4)))
        );
        // A clock that was read before the head had come counts from there.
        call.note(Stage::Decode, call.begun - Duration::from_secs(1), from);
        assert_eq!(
            call.stage(Stage::Decode),
            Some((call.begun, Duration::from_micros(3)))
        );
    }

    #[tokio::test]
    async fn the_current_call_is_that_of_the_task_at_work() {
        let calls = ["a", "b"].map(|id| Arc::new(Call::new(&TEST, RequestId::given(id).unwrap())));
        let work = |call: &Arc<Call>| {
            Arc::clone(call).scope(async {
                let before = Call::current().unwrap().id.to_string();
                tokio::task::yield_now().await;
                (before, Call::current().unwrap().id.to_string())
            })
        };
        let (a, b) = tokio::join!(work(&calls[0]), work(&calls[1]));
        assert_eq!((a.0.as_str(), a.1.as_str()), ("a", "a"));
        assert_eq!((b.0.as_str(), b.1.as_str()), ("b", "b"));
        assert!(Call::current().is_none());
    }
}
