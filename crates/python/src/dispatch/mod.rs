//! Which request goes to which thread of which worker, and when.
//!
//! A pure state machine: no socket, no clock, no task. The pool tells it what happened and at what
//! time, and does what it answers; so it can be simulated (`tests.rs`).
//!
//! **Keep a fast model on few sockets, spread a slow one over many.** A lane is the socket of one
//! worker thread. It is handed requests as long as the work estimated to lie on it stays below
//! [`BUDGET`]; a lane with nothing on it takes one request of any size. Lanes are filled in order,
//! so a model of 5 µs lives on one thread and never fights for the interpreter lock, while a model of
//! 10 ms gets a thread for each request. The overflow waits in one queue for the whole pool.
//!
//! Where fast and slow calls are mixed and look alike, each gets a lane to itself (`estimate.rs`); a slow
//! call that comes as a surprise holds up at most what lies on its lane, since a lane that has not
//! answered for [`STALL`] is given nothing more.
//!
//! A worker whose requests run past their deadlines comes last (`health.rs`), one that is to leave
//! is given nothing, and one that has been given its allowance says so with [`Send::spent`].

mod estimate;
mod health;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) use estimate::Class;
use estimate::Estimates;
pub(crate) use health::Remedy;

/// Work that may lie on one lane, by estimate. Measured on the prototype: 500 µs keeps the pipe of
/// a fast model full (24 µs of CPU a request) and runs a 10 ms model 9.2 at a time on 10 threads.
const BUDGET: Duration = Duration::from_micros(500);

/// Requests that may lie on one lane, however fast the model is.
const DEPTH: usize = 64;

/// A lane that has not answered for so long is stuck behind a slow call, whatever the estimate
/// said, and is given nothing more. Four budgets: a full lane needs one, and a worker may sit on
/// its answers for 200 µs.
const STALL: Duration = Duration::from_millis(2);

/// Names a worker for as long as it is in the dispatcher; never used twice.
pub(crate) type WorkerId = u64;

/// Names a lane: a worker and the number of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub(crate) worker: WorkerId,
    pub(crate) thread: usize,
}

/// A request as the dispatcher sees it: what is sent, what is kept until the answer comes, and how
/// to estimate it.
#[derive(Debug)]
pub(crate) struct Job<P, T> {
    /// Matches the answer to the ticket.
    pub(crate) id: u64,
    pub(crate) class: Class,
    /// When nobody waits for the answer any more.
    pub(crate) deadline: Option<Instant>,
    /// What goes to the worker.
    pub(crate) payload: P,
    /// What stays here.
    pub(crate) ticket: T,
}

/// What stays here of a request that was sent.
pub(crate) trait Ticket {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// It has been given to a worker.
    fn sent(&self, now: Instant);
}

/// "Write this to that lane", the dispatcher's only order.
#[derive(Debug)]
pub(crate) struct Send<P> {
    pub(crate) lane: Lane,
    pub(crate) payload: P,
    /// Nothing else lies on the lane: its thread is waiting for this.
    pub(crate) awaited: bool,
    /// With this the worker has been given its allowance; true once in its life.
    pub(crate) spent: bool,
}

/// What a worker leaves behind.
#[derive(Debug)]
pub(crate) struct Removed<T> {
    /// Of the requests that lay on it.
    pub(crate) tickets: Vec<T>,
    /// Whether it has ever answered.
    pub(crate) answered: bool,
}

/// How many threads there are, and how many of them are busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) all: usize,
    pub(crate) busy: usize,
}

/// What becomes of a submitted request.
#[derive(Debug)]
pub(crate) enum Submitted<P, T> {
    Send(Send<P>),
    Queued,
    /// The queue is full; the ticket comes back.
    Full(T),
}

#[derive(Debug)]
struct Flight<T> {
    id: u64,
    class: Class,
    deadline: Option<Instant>,
    cost: Duration,
    ticket: T,
}

#[derive(Debug)]
struct LaneState<T> {
    flights: VecDeque<Flight<T>>,
    /// The sum of the flights' costs.
    load: Duration,
    /// When the lane last answered, or was given work while it had none.
    progress: Instant,
}

#[derive(Debug)]
struct WorkerState<T> {
    id: WorkerId,
    lanes: Vec<LaneState<T>>,
    in_flight: usize,
    /// Requests that it has been given since it came.
    given: u64,
    /// As many are to make it [`Send::spent`].
    allowance: u64,
    /// A request on it is past its deadline.
    late: bool,
    /// Since when it is given nothing more.
    retired: Option<Instant>,
}

/// The dispatcher of one pool.
#[derive(Debug)]
pub(crate) struct Dispatcher<P, T> {
    workers: Vec<WorkerState<T>>,
    queue: VecDeque<Job<P, T>>,
    max_queue: usize,
    estimates: Estimates,
}

impl<P, T: Ticket> Dispatcher<P, T> {
    pub(crate) fn new(max_queue: usize) -> Self {
        Self {
            workers: Vec::new(),
            queue: VecDeque::new(),
            max_queue,
            estimates: Estimates::default(),
        }
    }

    /// A worker is ready; what has been waiting goes to it. After `allowance` requests it is to be
    /// replaced.
    pub(crate) fn add_worker(
        &mut self,
        now: Instant,
        id: WorkerId,
        threads: usize,
        allowance: Option<u64>,
    ) -> Vec<Send<P>> {
        let lane = || LaneState {
            flights: VecDeque::new(),
            load: Duration::ZERO,
            progress: now,
        };
        let lanes = (0..threads).map(|_| lane()).collect();
        self.workers.push(WorkerState {
            id,
            lanes,
            in_flight: 0,
            given: 0,
            allowance: allowance.unwrap_or(u64::MAX),
            late: false,
            retired: None,
        });
        self.drain(now)
    }

    /// A worker is given nothing more from now on; what lies on it may still be answered.
    pub(crate) fn retire_worker(&mut self, now: Instant, id: WorkerId) {
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.id == id) {
            worker.retired.get_or_insert(now);
        }
    }

    /// Whether a worker has been retired and owes no answer, so that it can go.
    pub(crate) fn is_done(&self, id: WorkerId) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.id == id && worker.retired.is_some() && worker.in_flight == 0)
    }

    /// Workers that are given requests.
    pub(crate) fn live(&self) -> usize {
        let live = |worker: &&WorkerState<T>| worker.retired.is_none();
        self.workers.iter().filter(live).count()
    }

    /// A worker is gone; the tickets of what lay on it come back. Unknown workers have none.
    pub(crate) fn remove_worker(&mut self, id: WorkerId) -> Removed<T> {
        let Some(index) = self.workers.iter().position(|worker| worker.id == id) else {
            return Removed {
                tickets: Vec::new(),
                answered: false,
            };
        };
        let worker = self.workers.remove(index);
        let answered = worker.given > worker.in_flight as u64;
        let flights = worker.lanes.into_iter().flat_map(|lane| lane.flights);
        Removed {
            tickets: flights.map(|flight| flight.ticket).collect(),
            answered,
        }
    }

    /// Empties the queue: the tickets of all that wait come back.
    pub(crate) fn give_up_queue(&mut self) -> Vec<T> {
        self.queue.drain(..).map(|job| job.ticket).collect()
    }

    /// A request has come.
    pub(crate) fn submit(&mut self, now: Instant, job: Job<P, T>) -> Submitted<P, T> {
        // Who came earlier goes first; a free lane and a queue exist together only for a moment.
        if self.queue.is_empty()
            && let Some(lane) = self.pick(now, job.class)
        {
            return Submitted::Send(self.assign(now, lane, job));
        }
        if self.queue.len() >= self.max_queue {
            self.queue.retain(|waiting| !waiting.ticket.is_abandoned());
            if self.queue.len() >= self.max_queue {
                return Submitted::Full(job.ticket);
            }
        }
        self.queue.push_back(job);
        Submitted::Queued
    }

    /// A lane has answered a request after `spent` in the component. Gives the ticket back, or
    /// `None` when that lane does not owe that answer; what may now be sent is added to `sends`.
    pub(crate) fn complete(
        &mut self,
        now: Instant,
        lane: Lane,
        id: u64,
        spent: Duration,
        sends: &mut Vec<Send<P>>,
    ) -> Option<T> {
        let worker = self
            .workers
            .iter_mut()
            .find(|worker| worker.id == lane.worker)?;
        let state = worker.lanes.get_mut(lane.thread)?;
        let place = state.flights.iter().position(|flight| flight.id == id)?;
        let flight = state.flights.remove(place)?;
        state.load = state.load.saturating_sub(flight.cost);
        state.progress = now;
        worker.in_flight -= 1;
        self.estimates.learn(flight.class, spent);
        sends.append(&mut self.drain(now));
        Some(flight.ticket)
    }

    /// Requests that wait for a worker, and whose callers wait for them. Others stay until it is their turn.
    pub(crate) fn queued(&self) -> usize {
        let waits = |job: &&Job<P, T>| !job.ticket.is_abandoned();
        self.queue.iter().filter(waits).count()
    }

    /// Requests that lie on workers.
    pub(crate) fn in_flight(&self) -> usize {
        self.workers.iter().map(|worker| worker.in_flight).sum()
    }

    /// Threads of the workers that are given requests, and those that have something to do.
    pub(crate) fn threads(&self) -> Threads {
        let live = |worker: &&WorkerState<T>| worker.retired.is_none();
        let lanes = || {
            self.workers
                .iter()
                .filter(live)
                .flat_map(|worker| &worker.lanes)
        };
        Threads {
            all: lanes().count(),
            busy: lanes().filter(|lane| !lane.flights.is_empty()).count(),
        }
    }

    /// Hands out what waits, in order, as long as there is room.
    fn drain(&mut self, now: Instant) -> Vec<Send<P>> {
        let mut sends = Vec::new();
        while let Some(first) = self.queue.front() {
            if first.ticket.is_abandoned() {
                self.queue.pop_front();
                continue;
            }
            let Some(lane) = self.pick(now, first.class) else {
                break;
            };
            let Some(job) = self.queue.pop_front() else {
                break;
            };
            sends.push(self.assign(now, lane, job));
        }
        sends
    }

    /// The first lane with room of the worker with the least on it. One with a request past its
    /// deadline comes after all others: it may hang with every thread it has.
    fn pick(&self, now: Instant, class: Class) -> Option<Lane> {
        let cost = self.estimates.of(class);
        let mut best: Option<((bool, usize), Lane)> = None;
        for worker in &self.workers {
            let rank = (worker.late, worker.in_flight);
            if worker.retired.is_some() || best.is_some_and(|(before, _)| rank >= before) {
                continue;
            }
            if let Some(thread) = worker
                .lanes
                .iter()
                .position(|lane| lane.has_room(now, cost))
            {
                best = Some((
                    rank,
                    Lane {
                        worker: worker.id,
                        thread,
                    },
                ));
                if rank == (false, 0) {
                    break;
                }
            }
        }
        best.map(|(_, lane)| lane)
    }

    fn assign(&mut self, now: Instant, lane: Lane, job: Job<P, T>) -> Send<P> {
        let cost = self.estimates.of(job.class);
        let worker = self
            .workers
            .iter_mut()
            .find(|worker| worker.id == lane.worker)
            .expect("`pick` names a worker that is there");
        worker.in_flight += 1;
        worker.given += 1;
        let spent = worker.given == worker.allowance;
        let state = &mut worker.lanes[lane.thread];
        let awaited = state.flights.is_empty();
        if awaited {
            state.progress = now;
        }
        state.load += cost;
        let Job {
            id,
            class,
            deadline,
            payload,
            ticket,
        } = job;
        ticket.sent(now);
        state.flights.push_back(Flight {
            id,
            class,
            deadline,
            cost,
            ticket,
        });
        Send {
            lane,
            payload,
            awaited,
            spent,
        }
    }
}

impl<T> LaneState<T> {
    fn has_room(&self, now: Instant, cost: Duration) -> bool {
        self.flights.is_empty()
            || (self.flights.len() < DEPTH
                && self.load + cost <= BUDGET
                && now.saturating_duration_since(self.progress) < STALL)
    }
}
