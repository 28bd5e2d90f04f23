//! Which request goes to which thread of which worker, and when.
//!
//! A pure state machine: no socket, no clock, no task. The registry reports what happened and at
//! what time, and carries out what is returned; so it can be simulated (`tests.rs`).
//!
//! **Spill to a second thread only where that pays.** A connection is the socket of one worker
//! thread. It is given requests as long as the estimated work in flight on it stays below
//! [`BUDGET`]; an idle connection takes one request of any size. Connections are filled in order. A
//! class of requests that has been seen to gain nothing by a second thread (`spread.rs`) stays on
//! one thread of each worker, however many wait: there it never fights for the interpreter lock.
//! One that waits, or computes without the lock, gets a thread for each slow request. The overflow
//! waits in one queue for the whole pool.
//!
//! Where fast and slow calls are mixed and look alike, each gets a connection to itself
//! (`estimate.rs`). An unexpected slow call holds up the requests behind it for
//! [`PROGRESS_TIMEOUT`]: then an idle thread of its worker takes them over (`rescue.rs`).
//!
//! A worker whose requests run past their deadlines comes last (`health.rs`), a retired one is
//! given nothing, and one that has been given its maximum of requests is reported once with
//! [`Assignment::recycle_requested`].

mod cost_class;
mod estimate;
mod health;
mod interface;
mod late;
mod rescue;
mod room;
#[cfg(test)]
mod simulation;
mod snapshot;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) use cost_class::CostClass;
use estimate::Estimates;
pub(crate) use health::HealthAction;
use interface::Role;
pub(crate) use interface::{
    Assignment, ConnectionId, QueuedRequest, Removed, Responder, Sends, Submitted, TakeOver,
    Threads, Work, WorkerId,
};
pub(crate) use rescue::TICK;
pub(crate) use snapshot::{Given, Running};
use spread::EndedCall;

/// Estimated work that may be in flight on one connection. Measured on the prototype: 500 µs keeps
/// the pipe of a fast model full (24 µs of CPU a request) and runs a 10 ms model 9.2 at a time on
/// 10 threads.
const BUDGET: Duration = Duration::from_micros(500);

/// Requests that may be in flight on one connection, however fast the model is.
const DEPTH: usize = 64;

/// And where the worker has no other thread to which they could move, but other workers have: so
/// many may lie behind a slow call. Those that wait in the queue go to any worker.
const DEPTH_ALONE: usize = 24;

/// What the simulation compares (`simulation.rs`).
#[derive(Clone, Copy, Debug)]
struct Policy {
    budget: Duration,
    /// Requests in flight on the only thread of one worker of several.
    depth_alone: usize,
    /// Classes stay on one thread where a second one does not pay.
    learns_spread: bool,
    /// What lies behind a slow call moves.
    rescues: bool,
}

const POLICY: Policy = Policy {
    budget: BUDGET,
    depth_alone: DEPTH_ALONE,
    learns_spread: true,
    rescues: true,
};

#[derive(Debug)]
struct InFlight<R> {
    id: u64,
    cost_class: CostClass,
    deadline: Option<Instant>,
    cost: Duration,
    sent: Instant,
    responder: R,
    /// That it is late has been reported.
    is_reported: bool,
}

#[derive(Debug)]
struct ConnectionState<R> {
    /// The first one runs.
    in_flight: VecDeque<InFlight<R>>,
    /// The sum of the costs in flight.
    load: Duration,
    /// When a response came last, or a request was sent while none was in flight.
    last_progress: Instant,
    role: Role,
}

#[derive(Debug)]
struct WorkerState<R> {
    id: WorkerId,
    connections: Vec<ConnectionState<R>>,
    /// By the number of a thread, whose socket its responses come over: the connection that it
    /// reads. Threads exchange them, see `rescue.rs`.
    reads: Vec<usize>,
    /// When two of its threads last had something to do at the same time.
    last_shared: Instant,
    /// Requests lie behind a slow call, and no thread is idle.
    is_rescue_due: bool,
    in_flight: usize,
    /// Requests that it has been given since it was added.
    requests: u64,
    /// At so many requests it is to be recycled.
    max_requests: u64,
    /// A request in flight is past its deadline.
    is_late: bool,
    /// When late requests of it were last reported.
    last_report: Option<Instant>,
    /// Since when it is given nothing more.
    retired: Option<Instant>,
}

/// The dispatcher of one pool.
#[derive(Debug)]
pub(crate) struct Dispatcher<P, R> {
    workers: Vec<WorkerState<R>>,
    queue: VecDeque<QueuedRequest<P, R>>,
    max_queue: usize,
    /// A call may take so long.
    hang_timeout: Option<Duration>,
    estimates: Estimates,
    policy: Policy,
}

impl<P, R: Responder> Dispatcher<P, R> {
    pub(crate) fn new(max_queue: usize) -> Self {
        Self {
            workers: Vec::new(),
            queue: VecDeque::new(),
            max_queue,
            hang_timeout: None,
            estimates: Estimates::default(),
            policy: POLICY,
        }
    }

    /// Has calls count as stuck that take so long, whatever their deadline.
    pub(crate) fn set_hang_timeout(&mut self, time: Option<Duration>) {
        self.hang_timeout = time;
    }

    /// How many requests a worker has ended, and how many are in flight on it.
    pub(crate) fn progress(&self, id: WorkerId) -> Option<(u64, usize)> {
        let worker = self.workers.iter().find(|worker| worker.id == id)?;
        Some((worker.requests - worker.in_flight as u64, worker.in_flight))
    }

    /// Adds a worker, and assigns it what is queued. After `max_requests` it is to be recycled.
    pub(crate) fn add_worker(
        &mut self,
        now: Instant,
        id: WorkerId,
        threads: usize,
        max_requests: Option<u64>,
    ) -> Vec<Assignment<P>> {
        let connection = || ConnectionState {
            in_flight: VecDeque::new(),
            load: Duration::ZERO,
            last_progress: now,
            role: Role::None,
        };
        let connections = (0..threads).map(|_| connection()).collect();
        self.workers.push(WorkerState {
            id,
            connections,
            reads: (0..threads).collect(),
            last_shared: now,
            is_rescue_due: false,
            in_flight: 0,
            requests: 0,
            max_requests: max_requests.unwrap_or(u64::MAX),
            is_late: false,
            last_report: None,
            retired: None,
        });
        self.assign_queued(now)
    }

    /// Gives a worker nothing more from now on; it may still respond to what is in flight.
    pub(crate) fn retire_worker(&mut self, now: Instant, id: WorkerId) {
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.id == id) {
            worker.retired.get_or_insert(now);
        }
    }

    /// Whether a worker has been retired and has nothing in flight, so that it can end.
    pub(crate) fn is_drained(&self, id: WorkerId) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.id == id && worker.retired.is_some() && worker.in_flight == 0)
    }

    /// Workers that are given requests.
    pub(crate) fn live(&self) -> usize {
        let is_live = |worker: &&WorkerState<R>| worker.retired.is_none();
        self.workers.iter().filter(is_live).count()
    }

    /// Removes a worker that has ended; the responders of what was in flight on it come back.
    /// Unknown workers have none.
    pub(crate) fn remove_worker(&mut self, id: WorkerId) -> Removed<R> {
        let Some(index) = self.workers.iter().position(|worker| worker.id == id) else {
            return Removed {
                responders: Vec::new(),
                has_responded: false,
            };
        };
        let worker = self.workers.remove(index);
        let has_responded = worker.requests > worker.in_flight as u64;
        let connections = worker.connections.into_iter();
        let in_flight = connections.flat_map(|connection| connection.in_flight);
        Removed {
            responders: in_flight.map(|request| request.responder).collect(),
            has_responded,
        }
    }

    /// Where the response to a request goes that is in flight.
    pub(crate) fn responder(&mut self, id: u64) -> Option<(WorkerId, &mut R)> {
        self.workers.iter_mut().find_map(|worker| {
            let connections = worker.connections.iter_mut();
            let mut in_flight = connections.flat_map(|connection| &mut connection.in_flight);
            let request = in_flight.find(|request| request.id == id)?;
            Some((worker.id, &mut request.responder))
        })
    }

    /// Empties the queue: the responders of all that wait come back.
    pub(crate) fn clear_queue(&mut self) -> Vec<R> {
        let queue = self.queue.drain(..);
        queue.map(|request| request.responder).collect()
    }

    /// Assigns a new request to a worker, or queues it.
    pub(crate) fn submit(&mut self, now: Instant, request: QueuedRequest<P, R>) -> Submitted<P, R> {
        // First come, first served; free connections and a queue exist together only for a moment.
        if self.queue.is_empty()
            && let Some(connection) = self.pick_or_try(now, request.cost_class)
        {
            return Submitted::Assigned(self.assign(now, connection, request));
        }
        if self.queue.len() >= self.max_queue {
            self.queue
                .retain(|waiting| !waiting.responder.is_abandoned());
            if self.queue.len() >= self.max_queue {
                return Submitted::Full(request.responder);
            }
        }
        self.queue.push_back(request);
        Submitted::Queued
    }

    /// Takes a response that came over the socket of this thread; `work` is `None` where the
    /// component was not entered. Gives the responder back, or `None` when no such request is in
    /// flight in the worker; what may now be sent is added to `sends`.
    pub(crate) fn complete(
        &mut self,
        now: Instant,
        ConnectionId { worker, thread }: ConnectionId,
        id: u64,
        work: Option<Work>,
        sends: &mut Sends<P>,
    ) -> Option<R> {
        let mut workers = self.workers.iter_mut();
        let worker = workers.find(|one| one.id == worker)?;
        let busy = worker.busy();
        if busy > 1 {
            worker.last_shared = now;
        }
        let (thread, request) = worker.take(thread, id)?;
        worker.connections[thread].last_progress = now;
        worker.in_flight -= 1;
        if let Some(Work {
            entered,
            took,
            response,
        }) = work
        {
            let call = EndedCall {
                worker: worker.id,
                thread,
                sent: request.sent,
                entered,
                took,
                was_alone: busy == 1 && request.sent > worker.last_shared,
            };
            self.estimates
                .learn(now, request.cost_class, call, response);
        }
        if worker.is_rescue_due && self.policy.rescues {
            worker.rescue(now, &mut sends.take_overs);
        }
        sends.assignments.append(&mut self.assign_queued(now));
        Some(request.responder)
    }

    /// Requests that wait for a worker and whose callers wait for them. Abandoned ones stay in the
    /// queue until it is their turn.
    pub(crate) fn queued(&self) -> usize {
        let has_caller = |request: &&QueuedRequest<P, R>| !request.responder.is_abandoned();
        self.queue.iter().filter(has_caller).count()
    }

    /// Requests that are in flight on workers.
    pub(crate) fn in_flight(&self) -> usize {
        self.workers.iter().map(|worker| worker.in_flight).sum()
    }

    /// Threads of the workers that are given requests.
    pub(crate) fn threads(&self) -> Threads {
        let workers = self.workers.iter();
        let live = workers.filter(|worker| worker.retired.is_none());
        let mut threads = Threads { all: 0, busy: 0 };
        for connection in live.flat_map(|worker| &worker.connections) {
            threads.all += 1;
            threads.busy += usize::from(!connection.in_flight.is_empty());
        }
        threads
    }

    /// Assigns what is queued, in order, as long as there is room.
    fn assign_queued(&mut self, now: Instant) -> Vec<Assignment<P>> {
        let mut assignments = Vec::new();
        while let Some(first) = self.queue.front() {
            if first.responder.is_abandoned() {
                self.queue.pop_front();
                continue;
            }
            let cost_class = first.cost_class;
            let Some(connection) = self.pick_or_try(now, cost_class) else {
                break;
            };
            let Some(request) = self.queue.pop_front() else {
                break;
            };
            assignments.push(self.assign(now, connection, request));
        }
        assignments
    }

    fn assign(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        request: QueuedRequest<P, R>,
    ) -> Assignment<P> {
        let cost = self.estimates.of(request.cost_class);
        let worker = self
            .workers
            .iter_mut()
            .find(|worker| worker.id == connection.worker)
            .expect("`pick` names a worker that is there");
        worker.in_flight += 1;
        worker.requests += 1;
        let recycle_requested = worker.requests == worker.max_requests;
        let state = &mut worker.connections[connection.thread];
        let is_urgent = state.in_flight.is_empty();
        if is_urgent {
            state.last_progress = now;
        }
        let QueuedRequest {
            id,
            cost_class,
            deadline,
            payload,
            responder,
        } = request;
        responder.sent(now);
        state.push(InFlight {
            id,
            cost_class,
            deadline,
            cost,
            sent: now,
            responder,
            is_reported: false,
        });
        if worker.busy() > 1 {
            worker.last_shared = now;
        }
        Assignment {
            connection,
            payload,
            is_urgent,
            recycle_requested,
        }
    }
}

impl<R> WorkerState<R> {
    /// Takes a request that the thread has run off its connection, or off the one that it read when
    /// it began.
    fn take(&mut self, thread: usize, id: u64) -> Option<(usize, InFlight<R>)> {
        let reads = *self.reads.get(thread)?;
        let others = (0..self.connections.len()).filter(|other| *other != reads);
        std::iter::once(reads)
            .chain(others)
            .find_map(|thread| Some((thread, self.connections[thread].remove(id)?)))
    }

    /// Threads with requests in flight.
    fn busy(&self) -> usize {
        let connections = self.connections.iter();
        connections.filter(|one| !one.in_flight.is_empty()).count()
    }
}
