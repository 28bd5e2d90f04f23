//! What a pool has now, for those who look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::RequestContext;

use crate::dispatch::Running;
use crate::frame::Call;
use crate::memory;
use crate::responder::ResponseSender;
use crate::stacks::Stacks;
use crate::summary::Summary;

/// What a pool has now.
#[derive(Debug)]
pub struct PoolSnapshot {
    /// Its workers, those that only finish their requests, too.
    pub workers: Vec<WorkerSnapshot>,
    /// Requests that are in flight on workers, or queued: first those that are run, then those that
    /// wait behind these, then the queue from its front.
    pub requests: Vec<RequestSnapshot>,
    /// Requests that wait for a worker.
    pub queued: usize,
}

/// A worker.
#[derive(Debug)]
pub struct WorkerSnapshot {
    /// The number of its slot.
    pub slot: usize,
    /// Its process.
    pub pid: u32,
    pub(crate) stacks: Arc<Stacks>,
    /// `idle`, `busy`, `late` (a request is past its deadline), `retired` (it finishes its requests
    /// and ends) or `stuck` (no call of it returns, and it is about to be killed).
    pub state: &'static str,
    /// Requests in flight on it.
    pub in_flight: usize,
    /// How long it has taken part.
    pub age: Duration,
}

/// A request that a pool has.
#[derive(Debug)]
pub struct RequestSnapshot {
    /// The request, where a transport has it.
    pub request: Option<Arc<RequestContext>>,
    /// The numbers of the worker and of the thread that it has been given to; `None` while it is
    /// queued.
    pub thread: Option<(usize, usize)>,
    /// The thread runs it, and not one before it.
    pub is_running: bool,
    /// Its caller does not wait for it any more.
    pub is_abandoned: bool,
    /// Since when the pool has had it.
    pub since: Instant,
    call: Call,
    summary: Summary,
}

impl WorkerSnapshot {
    /// The bytes of its process that are in memory, if the system says so. This reads a file.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        memory::resident(self.pid)
    }

    /// The Python stacks of all its threads; or why there are none. It takes some seconds at most,
    /// and is to be called where the pool was started.
    pub async fn stacks(&self) -> String {
        self.stacks.read().await
    }
}

impl RequestSnapshot {
    /// The method of the component.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.call.name()
    }

    /// The shape of its payload; without one, what it is.
    #[must_use]
    pub fn shape(&self) -> String {
        self.summary.to_string()
    }

    /// Bytes on the way to the worker.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.summary.bytes
    }

    pub(crate) fn new(running: &Running<'_, ResponseSender>, worker: Option<usize>) -> Self {
        let (responder, given) = (running.responder, running.given);
        Self {
            request: responder.request.clone(),
            thread: worker
                .zip(given)
                .map(|(worker, given)| (worker, given.thread)),
            is_running: given.is_some_and(|given| given.is_first),
            is_abandoned: running.is_abandoned(),
            since: responder.since,
            call: running.call,
            summary: responder.summary,
        }
    }
}
