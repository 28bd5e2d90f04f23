//! What goes into the dispatcher, and what comes out of it.

use std::time::{Duration, Instant};

use super::cost_class::CostClass;

/// Names a worker for as long as it is in the dispatcher; never used twice.
pub(crate) type WorkerId = u64;

/// Names a connection: a worker and the number of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId {
    pub(crate) worker: WorkerId,
    pub(crate) thread: usize,
}

/// A request that is to be sent to some worker.
#[derive(Debug)]
pub(crate) struct QueuedRequest<P, R> {
    /// Matches the response to the request.
    pub(crate) id: u64,
    pub(crate) cost_class: CostClass,
    /// After it the response is of no use.
    pub(crate) deadline: Option<Instant>,
    /// What goes to the worker.
    pub(crate) payload: P,
    /// Where the response goes.
    pub(crate) responder: R,
}

/// Where a response goes; it stays here while the request is queued or in flight.
pub(crate) trait Responder {
    /// Whether the caller has given up.
    fn is_abandoned(&self) -> bool;

    /// The request has been given to a worker.
    fn sent(&self, now: Instant);

    /// Its call has not returned for so long, which is too long. Where its worker goes on with
    /// others, its caller is to be notified now; where not, the worker is removed.
    fn hung(&mut self, time: Duration, worker_goes_on: bool);
}

/// Payload and connection of a request that is to be written now.
#[derive(Debug)]
pub(crate) struct Assignment<P> {
    pub(crate) connection: ConnectionId,
    pub(crate) payload: P,
    /// Nothing else is in flight on the connection: its thread waits for this request.
    pub(crate) is_urgent: bool,
    /// With this request the worker has been given its maximum; true once in its life.
    pub(crate) recycle_requested: bool,
}

/// When the component was entered with a request, and how long it worked on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) entered: Instant,
    pub(crate) took: Duration,
    /// Bytes of the response.
    pub(crate) response: u64,
}

/// What a removed worker leaves behind.
#[derive(Debug)]
pub(crate) struct Removed<R> {
    /// Of the requests that were in flight on it.
    pub(crate) responders: Vec<R>,
    /// Whether it has responded to any request.
    pub(crate) has_responded: bool,
}

/// How many threads there are, and how many of them have a request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) all: usize,
    pub(crate) busy: usize,
}

/// What becomes of a submitted request.
#[derive(Debug)]
pub(crate) enum Submitted<P, R> {
    Assigned(Assignment<P>),
    Queued,
    /// The queue is full; the responder comes back.
    Full(R),
}

/// An idle thread is to take over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TakeOver {
    /// The connection of the idle thread.
    pub(crate) connection: ConnectionId,
    /// The number of the connection that it takes over.
    pub(crate) from: usize,
}

/// What is to be sent now.
#[derive(Debug)]
pub(crate) struct Sends<P> {
    pub(crate) assignments: Vec<Assignment<P>>,
    pub(crate) take_overs: Vec<TakeOver>,
}

impl<P> Default for Sends<P> {
    fn default() -> Self {
        Self {
            assignments: Vec::new(),
            take_overs: Vec::new(),
        }
    }
}

impl<P> Sends<P> {
    /// Adds what else is to be sent.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.assignments.append(&mut other.assignments);
        self.take_overs.append(&mut other.take_overs);
    }
}

/// What a connection has to do with a take-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    None,
    /// Its thread is to take over the connection of this number.
    Takes(usize),
    /// Another thread is to take it over.
    Given,
}
