//! One request on its way through the server: its id, its trace, and where its time went.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::limit::Limit;
use crate::memory::{Charge, Use};
use crate::request_id::RequestId;
use crate::stage::{Record, Stage, Stages};
use crate::transport::Transport;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// As metrics have it: [`Method::label`](crate::Method::label), or the name of what else is
    /// served.
    pub label: &'static str,
    /// As traces have it.
    pub name: &'static str,
}

impl Operation {
    /// Nothing that is served.
    pub const UNKNOWN: Self = Self::new("none", "unknown");

    /// An operation by its two names.
    #[must_use]
    pub const fn new(label: &'static str, name: &'static str) -> Self {
        Self { label, name }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its body is being received.
    Receive,
    /// From bytes to a request.
    Decode,
    /// Its component has been called, and has not returned.
    Call,
    /// From a response to bytes.
    Encode,
}

/// Which trace a request belongs to. It is kept for every request while tracing is on, so that the
/// component learns that nothing is to be recorded.
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

/// What a request looked like on the wire, for the access log and traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// HTTP method.
    pub method: Cow<'static, str>,
    /// Path and query.
    pub target: String,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub protocol: &'static str,
    /// The server's name to the client: the `Host` header, or the authority.
    pub host: Option<String>,
    /// The client's address and port.
    pub peer: Option<std::net::SocketAddr>,
    /// The `Referer` header.
    pub referer: Option<String>,
    /// The `User-Agent` header.
    pub agent: Option<String>,
}

impl RequestInfo {
    /// An HTTP method to be kept; those that nearly all requests have cost nothing.
    #[must_use]
    pub fn method(text: &str) -> Cow<'static, str> {
        match text {
            "POST" => "POST".into(),
            "GET" => "GET".into(),
            other => other.to_owned().into(),
        }
    }
}

/// One request, from its head to its response. Every part that handles it records its stage here,
/// the first six without a lock.
#[derive(Debug)]
pub struct RequestContext {
    /// The transport that it came by.
    pub transport: &'static Transport,
    /// Its id.
    pub id: RequestId,
    /// When its head had come.
    pub started: Instant,
    /// The trace that it belongs to; `None` while tracing is off.
    pub trace: Option<Trace>,
    /// What it looked like, where an observer wants it.
    pub info: Option<Box<RequestInfo>>,
    operation: OnceLock<Operation>,
    /// Bytes of the body.
    received: AtomicU64,
    /// [`CALLED`], [`RETURNED`], or neither yet.
    call: AtomicU8,
    /// One more than the number of the limit that it exceeded.
    limit: AtomicU8,
    stages: Stages,
    /// What it takes of the memory for requests, and what else it does.
    charge: OnceLock<Charge>,
    more_charges: Mutex<Vec<Charge>>,
}

const CALLED: u8 = 1;
const RETURNED: u8 = 2;

thread_local! {
    static CURRENT: RefCell<Option<Arc<RequestContext>>> = const { RefCell::new(None) };
}

impl RequestContext {
    /// A request whose head has just come.
    #[must_use]
    pub fn new(transport: &'static Transport, id: RequestId) -> Self {
        Self {
            transport,
            id,
            started: Instant::now(),
            trace: None,
            info: None,
            operation: OnceLock::new(),
            received: AtomicU64::new(0),
            call: AtomicU8::new(0),
            limit: AtomicU8::new(0),
            stages: Stages::default(),
            charge: OnceLock::new(),
            more_charges: Mutex::new(Vec::new()),
        }
    }

    /// Says what the request is for; the first call counts.
    pub fn set_operation(&self, operation: Operation) {
        let _ = self.operation.set(operation);
    }

    /// What the request is for.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation.get().copied().unwrap_or(Operation::UNKNOWN)
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

    pub(crate) fn called(&self) {
        self.call.store(CALLED, Ordering::Relaxed);
    }

    pub(crate) fn returned(&self) {
        self.call.store(RETURNED, Ordering::Relaxed);
    }

    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.call.load(Ordering::Relaxed) {
            CALLED => Phase::Call,
            RETURNED => Phase::Encode,
            _ if self.received() > 0 || self.stage(Stage::Decode).is_some() => Phase::Decode,
            _ => Phase::Receive,
        }
    }

    /// Says which limit it, or its response, exceeded.
    pub fn set_limit(&self, limit: Limit) {
        self.limit.store(limit as u8 + 1, Ordering::Relaxed);
    }

    /// The limit that it exceeded, if it did.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        let number = usize::from(self.limit.load(Ordering::Relaxed));
        Limit::ALL.get(number.checked_sub(1)?).copied()
    }

    /// Keeps memory charged for as long as the request is anywhere in the server.
    pub fn hold(&self, charge: Charge) {
        if let Err(charge) = self.charge.set(charge) {
            let more = self.more_charges.lock();
            more.unwrap_or_else(PoisonError::into_inner).push(charge);
        }
    }

    /// A charge for something else that it takes, beside so many bytes; `None` where its memory is
    /// not counted.
    #[must_use]
    pub fn charge(&self, of: Use, beside: usize) -> Option<Charge> {
        let charge = self.charge.get()?;
        Some(charge.account().charge(of, beside))
    }

    /// Whether its stages are shown one by one.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.trace.is_some_and(|trace| trace.sampled)
    }

    /// Records when a stage was. A stage that is recorded again takes the place of the one before.
    pub fn record(&self, stage: Stage, from: Instant, to: Instant) {
        let since = |at: Instant| {
            let nanos = at.saturating_duration_since(self.started).as_nanos();
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        self.stages.record(Record {
            stage,
            start: since(from),
            end: since(to.max(from)),
        });
    }

    /// When a stage was, and how long, if it was.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<(Instant, Duration)> {
        let record = self.stages.get(stage)?;
        Some(self.time(record))
    }

    /// Every stage so far with its start and length, in the order in which each was first recorded.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, Instant, Duration)> {
        self.stages.all().into_iter().map(|record| {
            let (from, length) = self.time(record);
            (record.stage, from, length)
        })
    }

    fn time(&self, record: Record) -> (Instant, Duration) {
        let from = self.started + Duration::from_nanos(record.start);
        let length = record.end.saturating_sub(record.start);
        (from, Duration::from_nanos(length))
    }

    /// The request that this thread works on, for the log.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the [current](RequestContext::current) request whenever `work` is polled.
    pub fn scope<F: Future>(self: Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        // A request's work is some kilobytes, which would be moved each time that it is wrapped
        // once more.
        let mut work = Box::pin(work);
        let mut request = Some(self);
        poll_fn(move |context| {
            let _entered = Entered::new(&mut request);
            work.as_mut().poll(context)
        })
    }
}

/// Has the current request of the thread trade places with another one, and puts it back.
struct Entered<'a>(&'a mut Option<Arc<RequestContext>>);

impl<'a> Entered<'a> {
    fn new(request: &'a mut Option<Arc<RequestContext>>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, request));
        Self(request)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Code;

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };

    #[test]
    fn stages_are_kept_by_their_times() {
        let request = RequestContext::new(&TEST, RequestId::made());
        assert_eq!(request.stage(Stage::Queue), None);
        let from = request.started + Duration::from_micros(3);
        request.record(Stage::Queue, from, from + Duration::from_micros(4));
        assert_eq!(
            request.stage(Stage::Queue),
            Some((from, Duration::from_micros(4)))
        );
        // A clock that was read before the head had come counts from there.
        request.record(
            Stage::Decode,
            request.started - Duration::from_secs(1),
            from,
        );
        assert_eq!(
            request.stage(Stage::Decode),
            Some((request.started, Duration::from_micros(3)))
        );
    }

    #[test]
    fn a_request_is_in_one_phase_after_the_other() {
        let request = RequestContext::new(&TEST, RequestId::made());
        assert_eq!(request.phase(), Phase::Receive);
        request.set_received(3);
        assert_eq!(request.phase(), Phase::Decode);
        request.called();
        assert_eq!(request.phase(), Phase::Call);
        request.returned();
        assert_eq!(request.phase(), Phase::Encode);
        // A component that declines a raw message is called again.
        request.called();
        assert_eq!(request.phase(), Phase::Call);
    }

    #[test]
    fn a_limit_is_kept_by_its_number() {
        let request = RequestContext::new(&TEST, RequestId::made());
        assert_eq!(request.limit(), None);
        for limit in Limit::ALL {
            request.set_limit(limit);
            assert_eq!(request.limit(), Some(limit));
        }
    }

    #[tokio::test]
    async fn the_current_request_is_that_of_the_task_at_work() {
        let requests = ["a", "b"]
            .map(|id| Arc::new(RequestContext::new(&TEST, RequestId::given(id).unwrap())));
        let work = |request: &Arc<RequestContext>| {
            Arc::clone(request).scope(async {
                let before = RequestContext::current().unwrap().id.to_string();
                tokio::task::yield_now().await;
                (before, RequestContext::current().unwrap().id.to_string())
            })
        };
        let (a, b) = tokio::join!(work(&requests[0]), work(&requests[1]));
        assert_eq!((a.0.as_str(), a.1.as_str()), ("a", "a"));
        assert_eq!((b.0.as_str(), b.1.as_str()), ("b", "b"));
        assert!(RequestContext::current().is_none());
    }
}
