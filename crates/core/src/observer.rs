//! Observers of requests: metrics, the access log, traces.

use std::fmt;
use std::sync::Arc;

use crate::meta::Metric;
use crate::method::Method;
use crate::open_requests::{OpenRequests, Place};
use crate::request_context::{RequestContext, RequestInfo, Trace};
use crate::request_id::RequestId;
use crate::transport::{Outcome, Transport};

/// A request's headers, or metadata, by their names in lower case.
pub type Headers<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// Is notified of requests, and of what components report. All of it is called within a request, so
/// it must be quick.
///
/// `worker` is the number of the worker slot that responded, which a successor takes over; `None`
/// for a component without workers.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request's head has come. An observer that traces says which trace it belongs to.
    fn started(&self, _transport: &'static Transport, _headers: Headers<'_>) -> Option<Trace> {
        None
    }

    /// Whether [`RequestContext::info`] is to be filled for a request that belongs to this trace.
    fn wants_info(&self, _trace: Option<Trace>) -> bool {
        false
    }

    /// A request has its response, or will have none. Comes once for each that has started.
    fn finished(&self, _request: &RequestContext, _outcome: &Outcome) {}

    /// The component reported these metrics, at least one, with its response to `method`.
    fn reported(&self, _method: Method, _worker: Option<usize>, _metrics: &[Metric]) {}

    /// The component was given feedback with a reward other than zero, whether it took it or not.
    fn rewarded(&self, _worker: Option<usize>, _reward: f32) {}
}

/// All observers of a server, and the requests that they follow.
#[derive(Clone, Debug, Default)]
pub struct Observers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    all: Box<[Arc<dyn Observer>]>,
    open: OpenRequests,
}

impl Observers {
    /// Follows a request from here on; `info` is called only where an observer wants it.
    #[must_use]
    pub fn start(
        &self,
        transport: &'static Transport,
        headers: Headers<'_>,
        info: impl FnOnce() -> RequestInfo,
    ) -> RequestGuard {
        let given = transport.id_headers.iter();
        let id = given
            .copied()
            .find_map(|name| RequestId::given(headers(name)?));
        let mut request = RequestContext::new(transport, id.unwrap_or_else(RequestId::made));
        for observer in &self.0.all {
            let trace = observer.started(transport, headers);
            request.trace = request.trace.or(trace);
        }
        if self.0.all.iter().any(|one| one.wants_info(request.trace)) {
            request.info = Some(Box::new(info()));
        }
        let request = Arc::new(request);
        RequestGuard {
            place: self.0.open.enter(&request),
            request,
            observers: self.clone(),
            is_open: true,
        }
    }

    /// The requests that are followed now.
    #[must_use]
    pub fn open_requests(&self) -> &OpenRequests {
        &self.0.open
    }

    pub(crate) fn reported(&self, method: Method, worker: Option<usize>, metrics: &[Metric]) {
        for observer in &self.0.all {
            observer.reported(method, worker, metrics);
        }
    }

    pub(crate) fn rewarded(&self, worker: Option<usize>, reward: f32) {
        for observer in &self.0.all {
            observer.rewarded(worker, reward);
        }
    }
}

impl FromIterator<Arc<dyn Observer>> for Observers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Observer>>>(observers: I) -> Self {
        Self(Arc::new(Shared {
            all: observers.into_iter().collect(),
            open: OpenRequests::default(),
        }))
    }
}

/// A request that is being followed. Dropped without a response, it was abandoned by its client.
#[derive(Debug)]
pub struct RequestGuard {
    request: Arc<RequestContext>,
    observers: Observers,
    place: Place,
    is_open: bool,
}

impl RequestGuard {
    /// The request.
    #[must_use]
    pub fn request(&self) -> &Arc<RequestContext> {
        &self.request
    }

    /// It has its response.
    pub fn finish(mut self, outcome: &Outcome) {
        self.close(outcome);
    }

    fn close(&mut self, outcome: &Outcome) {
        self.is_open = false;
        let Shared { all, open } = &*self.observers.0;
        open.leave(self.place);
        for observer in all {
            observer.finished(&self.request, outcome);
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.is_open {
            let code = self.request.transport.abandoned;
            self.close(&Outcome { code, bytes: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::transport::Code;

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &["x-first-id", "x-request-id"],
    };

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<(String, String)>>);

    impl Observer for Seen {
        fn finished(&self, request: &RequestContext, outcome: &Outcome) {
            let seen = (request.id.to_string(), outcome.code.to_string());
            self.0.lock().unwrap().push(seen);
        }
    }

    #[test]
    fn a_request_ends_once_and_is_named_by_its_headers() {
        let seen = Arc::new(Seen::default());
        let observers: Observers = [Arc::clone(&seen) as Arc<dyn Observer>]
            .into_iter()
            .collect();
        let info = || unreachable!("no observer wants it");
        let code = Code {
            number: 200,
            name: Some("FINE"),
            is_fault: false,
        };
        let both = |name: &str| match name {
            "x-first-id" => Some("p"),
            "x-request-id" => Some("x"),
            _ => None,
        };
        let outcome = Outcome { code, bytes: 1 };
        let started = observers.start(&TEST, &both, info);
        let open = || observers.open_requests().oldest(9).1;
        assert_eq!(open(), 1);
        started.finish(&outcome);
        assert_eq!(open(), 0);
        drop(observers.start(&TEST, &|name| both(name).filter(|id| *id != "p"), info));
        assert_eq!(open(), 0);
        let seen = seen.0.lock().unwrap();
        let expected =
            [("p", "FINE"), ("x", "499")].map(|(id, code)| (id.to_owned(), code.to_owned()));
        assert_eq!(*seen, expected);
    }
}
