//! The dispatcher with simulated workers: threads that need the interpreter lock, computations that
//! need a core, a switch that takes time, and callers who send the next request at a response.
//!
//! `cargo test -p streeling-python --release simulation_table -- --ignored --nocapture` prints the
//! measured of `docs/performance.md`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use streeling_core::Method;

use super::*;
use setting::{Compute, Hold, Model, Part, SETTING, Setting, Wait};

mod claims;
mod setting;

/// A thread that holds the lock gives it away after so long, if another one wants it.
const SWITCH_INTERVAL: u64 = 5_000;
/// What it takes for another thread to go on with the lock.
const SWITCH: u64 = 20;
/// From the server to a thread that is asleep, and from a worker to the server.
const WAKE: u64 = 30;
const REPLY: u64 = 20;
/// What the worker does with the lock for a request, beside the component.
const OVERHEAD: u64 = 8;
/// A read or a write of a socket: without the lock.
const CALL: u64 = 3;
const FLUSH_AFTER: u64 = 200;
/// A thread is relieved of what lies behind a call that has run for so long.
const SLOW: u64 = 1_000;
/// From a response to the caller's next request at the dispatcher.
const CALLER: u64 = 60;

#[derive(Debug)]
struct Caller;

impl Responder for Caller {
    fn is_abandoned(&self) -> bool {
        false
    }

    fn sent(&self, _: Instant) {}

    fn hung(&mut self, _: Duration, _: bool) {}
}

/// A thread, by the numbers of its worker and its own.
type Id = (usize, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Request,
    Frame(Id),
    /// What the thread did without the lock, or with it as its owner of this number, is done.
    Done(Id, u64),
    Interval(usize, u64),
    Replies(Id),
    Tick,
}

/// What a thread writes at once: for a take-over the request that the other thread was in, and
/// replies with the times when the component was entered and how long it took.
type Written = (Option<Option<u64>>, Vec<(u64, u64, u64)>);

#[derive(Debug, Default)]
struct Thread {
    /// The connection that it reads.
    reads: usize,
    is_awake: bool,
    running: Option<Running>,
    /// Left of what it does with the lock.
    rest: u64,
    replies: Vec<(u64, u64, u64)>,
    oldest: u64,
    flushes: bool,
    batches: VecDeque<Written>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    id: u64,
    entered: Option<u64>,
    part: usize,
}

#[derive(Debug, Default)]
struct Worker {
    threads: Vec<Thread>,
    /// What lies on each connection: a request, or a take-over of that connection.
    inboxes: Vec<VecDeque<Result<u64, TakeOver>>>,
    owner: Option<usize>,
    /// Counts the owners.
    epoch: u64,
    since: u64,
    waiting: VecDeque<usize>,
}

struct Simulation {
    dispatcher: Dispatcher<u64, Caller>,
    start: Instant,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    workers: Vec<Worker>,
    model: Model,
    sent: BTreeMap<u64, u64>,
    next: u64,
    is_ticking: bool,
    taken_off: Option<(u64, u64)>,
    /// Computations that have a core, and those that wait for one.
    free_cores: usize,
    for_core: VecDeque<(Id, u64)>,
    /// Of each response, by its number: when it came, and how long it took.
    done: Vec<(u64, u64, u64)>,
    switches: u64,
    started: Vec<bool>,
}

impl Simulation {
    fn new(setting: Setting, model: Model) -> Self {
        let mut dispatcher = Dispatcher::new(usize::MAX);
        dispatcher.policy = setting.policy;
        let start = Instant::now();
        let workers = (0..setting.workers).map(|worker| {
            dispatcher.add_worker(start, worker as u64, setting.threads, None);
            let thread = |reads| Thread {
                reads,
                ..Thread::default()
            };
            Worker {
                threads: (0..setting.threads).map(thread).collect(),
                inboxes: vec![VecDeque::new(); setting.threads],
                ..Worker::default()
            }
        });
        let workers = workers.collect();
        let mut simulation = Self {
            dispatcher,
            start,
            now: 0,
            events: BinaryHeap::new(),
            order: 0,
            workers,
            model,
            sent: BTreeMap::new(),
            next: 0,
            is_ticking: false,
            taken_off: setting.taken_off,
            free_cores: setting.cores,
            for_core: VecDeque::new(),
            done: Vec::new(),
            switches: 0,
            started: Vec::new(),
        };
        for caller in 0..setting.connections as u64 {
            simulation.after(caller % 97, Event::Request);
        }
        simulation
    }

    /// Runs until there are so many responses.
    fn run(&mut self, responses: usize) {
        while self.done.len() < responses {
            let Reverse((at, _, event)) = self.events.pop().expect("something goes on");
            self.now = at;
            match self.back_on_its_core(event) {
                Some(later) => self.after(later, event),
                None => self.handle(event),
            }
        }
    }

    /// How long it takes until the worker that this happens in has a core again.
    fn back_on_its_core(&self, event: Event) -> Option<u64> {
        let (Event::Frame((worker, _)) | Event::Done((worker, _), _)) = event else {
            return None;
        };
        let (every, length) = self.taken_off?;
        // Not all workers at the same time.
        let at = (self.now + worker as u64 * every / 3) % every;
        (at < length).then(|| length - at)
    }

    fn instant(&self, at: u64) -> Instant {
        self.start + Duration::from_micros(at)
    }

    fn after(&mut self, time: u64, event: Event) {
        self.order += 1;
        self.events
            .push(Reverse((self.now + time, self.order, event)));
    }

    fn handle(&mut self, event: Event) {
        let now = self.instant(self.now);
        match event {
            Event::Request => self.request(now),
            Event::Frame(id) => {
                let thread = self.reader(id);
                let has_frames = !self.workers[id.0].inboxes[id.1].is_empty();
                if has_frames && !self.workers[id.0].threads[thread].is_awake {
                    self.workers[id.0].threads[thread].is_awake = true;
                    self.acquire((id.0, thread));
                }
            }
            Event::Done(id, epoch) => self.done(id, epoch),
            Event::Interval(worker, epoch) => self.interval(worker, epoch),
            Event::Replies(id) => self.replies(id, now),
            Event::Tick => {
                let sends = self.dispatcher.tick(now);
                self.send(sends);
                self.is_ticking = false;
                self.watch();
            }
        }
    }

    fn watch(&mut self) {
        if !self.is_ticking && self.dispatcher.needs_tick() {
            self.is_ticking = true;
            self.after(TICK.as_micros() as u64, Event::Tick);
        }
    }

    fn request(&mut self, now: Instant) {
        let id = self.next;
        self.next += 1;
        self.started.push(false);
        self.sent.insert(id, self.now);
        let request = QueuedRequest {
            id,
            cost_class: CostClass::new(Method::Predict, 64),
            deadline: None,
            payload: id,
            responder: Caller,
        };
        if let Submitted::Assigned(assignment) = self.dispatcher.submit(now, request) {
            self.send(Sends {
                assignments: vec![assignment],
                take_overs: Vec::new(),
            });
        }
        self.watch();
    }

    fn send(&mut self, sends: Sends<u64>) {
        for take_over in sends.take_overs {
            self.put(take_over.connection, Err(take_over));
        }
        for assignment in sends.assignments {
            self.put(assignment.connection, Ok(assignment.payload));
        }
    }

    fn put(&mut self, connection: ConnectionId, frame: Result<u64, TakeOver>) {
        let worker = connection.worker as usize;
        self.workers[worker].inboxes[connection.thread].push_back(frame);
        self.after(WAKE, Event::Frame((worker, connection.thread)));
    }

    /// The thread that reads a connection.
    fn reader(&self, (worker, connection): Id) -> usize {
        let mut threads = self.workers[worker].threads.iter();
        let thread = threads.position(|thread| thread.reads == connection);
        thread.expect("each is read by one")
    }

    fn replies(&mut self, (worker, thread): Id, now: Instant) {
        let connection = ConnectionId {
            worker: worker as u64,
            thread,
        };
        let mut sends = Sends::default();
        let state = &mut self.workers[worker].threads[thread];
        let (taken, replies) = state.batches.pop_front().expect("written before");
        if let Some(running) = taken {
            let taken = self.dispatcher.taken(now, connection, running);
            sends.append(taken.expect("it was to take over"));
        }
        for (id, entered, took) in replies {
            let work = Work {
                entered: self.instant(entered),
                took: Duration::from_micros(took),
                response: 64,
            };
            let responder = self
                .dispatcher
                .complete(now, connection, id, Some(work), &mut sends);
            assert!(responder.is_some(), "request {id} is in flight");
            let sent = self.sent.remove(&id).expect("one response to each");
            self.done.push((id, self.now, self.now - sent));
            self.after(CALLER, Event::Request);
        }
        self.send(sends);
    }

    /// The thread wants the lock.
    fn acquire(&mut self, (worker, thread): Id) {
        let state = &mut self.workers[worker];
        if state.owner.is_none() {
            self.own((worker, thread), 0);
            return;
        }
        state.waiting.push_back(thread);
        if state.waiting.len() == 1 {
            let epoch = state.epoch;
            self.after(SWITCH_INTERVAL, Event::Interval(worker, epoch));
        }
    }

    fn own(&mut self, (worker, thread): Id, after: u64) {
        let state = &mut self.workers[worker];
        state.owner = Some(thread);
        state.epoch += 1;
        state.since = self.now + after;
        let epoch = state.epoch;
        if !state.waiting.is_empty() {
            self.after(after + SWITCH_INTERVAL, Event::Interval(worker, epoch));
        }
        let rest = self.workers[worker].threads[thread].rest;
        self.after(after + rest, Event::Done((worker, thread), epoch));
    }

    fn release(&mut self, worker: usize) {
        let state = &mut self.workers[worker];
        state.owner = None;
        if let Some(next) = state.waiting.pop_front() {
            self.switches += 1;
            self.own((worker, next), SWITCH);
        }
    }

    fn interval(&mut self, worker: usize, epoch: u64) {
        let state = &mut self.workers[worker];
        let Some(owner) = state.owner.filter(|_| state.epoch == epoch) else {
            return;
        };
        let ran = self.now.saturating_sub(state.since);
        let thread = &mut state.threads[owner];
        thread.rest = thread.rest.saturating_sub(ran);
        state.waiting.push_back(owner);
        self.release(worker);
    }

    fn done(&mut self, (worker, thread): Id, epoch: u64) {
        if epoch == 0 {
            // What it did without the lock.
            self.workers[worker].threads[thread].rest = 0;
            if let Some(Compute(_)) = self.part((worker, thread)) {
                self.free_cores += 1;
                if let Some((id, time)) = self.for_core.pop_front() {
                    self.compute(id, time);
                }
            }
            self.acquire((worker, thread));
        } else if self.workers[worker].epoch == epoch {
            self.go_on((worker, thread));
        }
    }

    fn compute(&mut self, id: Id, time: u64) {
        if self.free_cores == 0 {
            self.for_core.push_back((id, time));
            return;
        }
        self.free_cores -= 1;
        self.after(time, Event::Done(id, 0));
    }

    /// The part of the component that the thread is in.
    fn part(&self, (worker, thread): Id) -> Option<Part> {
        let running = self.workers[worker].threads[thread].running?;
        (self.model)(running.id)
            .get(running.part.checked_sub(1)?)
            .copied()
    }

    /// The thread has the lock, and has done what it wanted it for.
    fn go_on(&mut self, id: Id) {
        let now = self.now;
        let (worker, thread) = id;
        let state = &mut self.workers[worker].threads[thread];
        state.rest = 0;
        let Some(running) = &mut state.running else {
            return self.next_frame(id);
        };
        let entered = *running.entered.get_or_insert(now);
        let Some(part) = (self.model)(running.id).get(running.part) else {
            if state.replies.is_empty() {
                state.oldest = now;
            }
            state.replies.push((running.id, entered, now - entered));
            state.running = None;
            state.flushes = now - state.oldest > FLUSH_AFTER;
            return self.next_frame(id);
        };
        running.part += 1;
        match *part {
            Hold(time) => self.hold(id, time),
            Wait(time) => {
                self.after(time, Event::Done(id, 0));
                self.release(worker);
            }
            Compute(time) => {
                self.compute(id, time);
                self.release(worker);
            }
        }
    }

    /// The thread goes on with the lock that it has.
    fn hold(&mut self, (worker, thread): Id, time: u64) {
        let state = &mut self.workers[worker];
        state.threads[thread].rest = time;
        state.since = self.now;
        let epoch = state.epoch;
        self.after(time, Event::Done((worker, thread), epoch));
    }

    fn next_frame(&mut self, id: Id) {
        let (worker, thread) = id;
        let state = &mut self.workers[worker];
        let reads = state.threads[thread].reads;
        let is_empty = state.inboxes[reads].is_empty();
        let writer = &mut state.threads[thread];
        if (is_empty || writer.flushes) && !writer.replies.is_empty() {
            let batch = std::mem::take(&mut writer.replies);
            writer.batches.push_back((None, batch));
            writer.flushes = false;
            self.after(CALL + REPLY, Event::Replies(id));
            self.after(CALL, Event::Done(id, 0));
            self.release(worker);
            return;
        }
        match state.inboxes[reads].pop_front() {
            None => {
                state.threads[thread].is_awake = false;
                self.release(worker);
            }
            Some(Ok(request)) => {
                let started = &mut self.started[request as usize];
                assert!(!std::mem::replace(started, true), "{request} is run once");
                self.workers[worker].threads[thread].running = Some(Running {
                    id: request,
                    entered: None,
                    part: 0,
                });
                self.hold(id, OVERHEAD);
            }
            Some(Err(take_over)) => self.take(id, take_over),
        }
    }

    fn take(&mut self, id: Id, take_over: TakeOver) {
        let (worker, thread) = id;
        let other = self.reader((worker, take_over.from));
        let threads = &mut self.workers[worker].threads;
        let running = threads[other].running.filter(|running| {
            let entered = running.entered.unwrap_or(self.now);
            self.now - entered >= SLOW
        });
        let running = running.map(|running| running.id);
        let mut replies = Vec::new();
        if running.is_some() {
            let reads = threads[thread].reads;
            threads[thread].reads = std::mem::replace(&mut threads[other].reads, reads);
            replies = std::mem::take(&mut threads[other].replies);
        }
        threads[thread].batches.push_back((Some(running), replies));
        self.after(CALL + REPLY, Event::Replies(id));
        self.hold(id, OVERHEAD);
    }
}
