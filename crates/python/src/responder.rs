//! Where the response to a request goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use streeling_core::{Error, ErrorKind, Limit, RequestContext, Stage};

use crate::connection::Received;
use crate::dispatch::Responder;
use crate::handle::KillReason;
use crate::subject::OwnedSubject;
use crate::summary::Summary;

/// The slot of the worker that responded, and its response.
pub(crate) type Response = Result<(usize, Received), Lost>;

/// Why there is no response.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) error: Error,
    /// The worker has died while it had this request alone.
    pub(crate) was_alone: bool,
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        let was_alone = false;
        Self { error, was_alone }
    }
}

/// Where the response to a request goes.
#[derive(Debug)]
pub(crate) struct ResponseSender {
    sender: Option<oneshot::Sender<Response>>,
    /// When the request was submitted.
    pub(crate) since: Instant,
    /// Where it is recorded how long the request was queued.
    pub(crate) request: Option<Arc<RequestContext>>,
    /// What it holds, for reports on it.
    pub(crate) summary: Summary,
    /// The request, once its caller has given it up.
    pub(crate) kept: Option<Box<OwnedSubject>>,
    /// Its call has not returned for so long, which is too long.
    pub(crate) hung: Option<Duration>,
}

impl ResponseSender {
    /// For a request that is submitted `since` then, and where its response comes.
    pub(crate) fn new(
        since: Instant,
        request: Option<Arc<RequestContext>>,
        summary: Summary,
    ) -> (Self, oneshot::Receiver<Response>) {
        let (sender, receiver) = oneshot::channel();
        let responder = Self {
            sender: Some(sender),
            since,
            request,
            summary,
            kept: None,
            hung: None,
        };
        (responder, receiver)
    }

    pub(crate) fn send(mut self, response: Response) {
        self.respond(response);
    }

    fn respond(&mut self, response: Response) {
        if let Some(sender) = self.sender.take() {
            // A caller that has given up drops the other end.
            let _ = sender.send(response);
        }
    }
}

impl Responder for ResponseSender {
    fn is_abandoned(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn sent(&self, now: Instant) {
        if let Some(request) = &self.request {
            request.record(Stage::Queue, self.since, now);
        }
    }

    fn hung(&mut self, time: Duration, worker_goes_on: bool) {
        self.hung = Some(time);
        if worker_goes_on {
            self.respond(Err(hung(time).into()));
        }
    }
}

/// The error of a request that no worker will respond to.
pub(crate) fn worker_lost() -> Error {
    Error::new(
        ErrorKind::WorkerLost,
        "the worker that held the request is gone; try again",
    )
}

/// The error of a request whose call has not returned for so long.
pub(crate) fn hung(time: Duration) -> Error {
    Error::new(
        ErrorKind::Deadline,
        format!(
            "the component has not returned from the call within {} s (--hang-timeout, \
             STREELING_HANG_TIMEOUT)",
            time.as_secs_f64()
        ),
    )
    .beyond(Limit::Time)
}

/// The error of a request that was on a worker which took too much memory.
pub(crate) fn out_of_memory(reason: KillReason, was_alone: bool) -> Error {
    if was_alone {
        Error {
            reason: Some("WORKER_MEMORY".into()),
            ..Error::new(
                ErrorKind::Component,
                format!("the worker was ended while it worked on this request: {reason}"),
            )
        }
    } else {
        Error::new(
            ErrorKind::WorkerLost,
            format!("the worker that held the request was ended: {reason}; try again"),
        )
    }
}
