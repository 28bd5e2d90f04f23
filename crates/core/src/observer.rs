//! Who is told what happens.

use std::fmt;
use std::sync::Arc;

use crate::{Call, Code, Head, Method, Metric, RequestId, Trace, Transport};

/// A request's headers, or metadata, by their names in lower case.
pub type Headers<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// Is told of requests, and of what components report. All of it is called within a request, so it must be quick.
///
/// `worker` is the place of the worker that answered, which a successor takes over; `None` for a
/// component without workers.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request's head has come. An observer that traces says which trace it belongs to.
    fn begun(&self, _transport: &'static Transport, _headers: Headers<'_>) -> Option<Trace> {
        None
    }

    /// Whether [`Call::head`] is to be filled for a request that belongs to this trace.
    fn wants_head(&self, _trace: Option<Trace>) -> bool {
        false
    }

    /// A request has its answer, or will have none. Comes once for each that has begun.
    fn answered(&self, _call: &Call, _answer: &Answered) {}

    /// The component reported these metrics, at least one, with its answer to `method`.
    fn reported(&self, _method: Method, _worker: Option<usize>, _metrics: &[Metric]) {}

    /// The component was given feedback with a reward other than zero, whatever it made of it.
    fn rewarded(&self, _worker: Option<usize>, _reward: f32) {}
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The transport's code.
    pub code: Code,
    /// Bytes of the answer, without its head.
    pub bytes: u64,
}

/// All who are told.
#[derive(Clone, Debug, Default)]
pub struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    /// Follows a request from here on; `head` is asked for only where somebody wants to see it.
    #[must_use]
    pub fn begin(
        &self,
        transport: &'static Transport,
        headers: Headers<'_>,
        head: impl FnOnce() -> Head,
    ) -> Watched {
        let id = RequestId::HEADERS
            .into_iter()
            .find_map(|name| RequestId::given(headers(name)?));
        let mut call = Call::new(transport, id.unwrap_or_else(RequestId::made));
        for observer in &*self.0 {
            let trace = observer.begun(transport, headers);
            call.trace = call.trace.or(trace);
        }
        if self.0.iter().any(|one| one.wants_head(call.trace)) {
            call.head = Some(Box::new(head()));
        }
        Watched {
            call: Arc::new(call),
            observers: self.clone(),
            open: true,
        }
    }

    pub(crate) fn reported(&self, method: Method, worker: Option<usize>, metrics: &[Metric]) {
        for observer in &*self.0 {
            observer.reported(method, worker, metrics);
        }
    }

    pub(crate) fn rewarded(&self, worker: Option<usize>, reward: f32) {
        for observer in &*self.0 {
            observer.rewarded(worker, reward);
        }
    }
}

impl FromIterator<Arc<dyn Observer>> for Observers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Observer>>>(observers: I) -> Self {
        Self(observers.into_iter().collect())
    }
}

/// A request that is being followed. Dropped without an answer, it was abandoned by its client.
#[derive(Debug)]
pub struct Watched {
    call: Arc<Call>,
    observers: Observers,
    open: bool,
}

impl Watched {
    /// The request.
    #[must_use]
    pub fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// It has its answer.
    pub fn answered(mut self, answer: &Answered) {
        self.close(answer);
    }

    fn close(&mut self, answer: &Answered) {
        self.open = false;
        for observer in &*self.observers.0 {
            observer.answered(&self.call, answer);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.open {
            let code = self.call.transport.abandoned;
            self.close(&Answered { code, bytes: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<(String, String)>>);

    impl Observer for Seen {
        fn answered(&self, call: &Call, answer: &Answered) {
            let seen = (call.id.to_string(), answer.code.to_string());
            self.0.lock().unwrap().push(seen);
        }
    }

    #[test]
    fn a_request_ends_once_and_is_named_by_its_headers() {
        let seen = Arc::new(Seen::default());
        let observers: Observers = [Arc::clone(&seen) as Arc<dyn Observer>]
            .into_iter()
            .collect();
        let head = || unreachable!("nobody wants it");
        let code = Code {
            number: 200,
            name: Some("FINE"),
            is_fault: false,
        };
        let both = |name: &str| match name {
            "seldon-puid" => Some("p"),
            "x-request-id" => Some("x"),
            _ => None,
        };
        let answer = Answered { code, bytes: 1 };
        observers.begin(&TEST, &both, head).answered(&answer);
        drop(observers.begin(&TEST, &|name| both(name).filter(|id| *id != "p"), head));
        let seen = seen.0.lock().unwrap();
        let expected =
            [("p", "FINE"), ("x", "499")].map(|(id, code)| (id.to_owned(), code.to_owned()));
        assert_eq!(*seen, expected);
    }
}
