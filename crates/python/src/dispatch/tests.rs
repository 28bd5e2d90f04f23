//! The dispatcher in a simulated pool with a clock of its own.

use std::cell::Cell;
use std::rc::Rc;

use streeling_core::Method;

use super::*;

#[derive(Debug, Default, Clone)]
struct Caller(Rc<Cell<bool>>);

impl Ticket for Caller {
    fn is_abandoned(&self) -> bool {
        self.0.get()
    }

    fn sent(&self, _: Instant) {}
}

/// A pool in which every thread works through its lane in order and, as under the interpreter
/// lock, threads of one worker may or may not run at the same time.
struct Simulation {
    dispatcher: Dispatcher<u64, Caller>,
    now: Instant,
    next: u64,
    /// For every lane: what lies on it (id), in order, and when its head will be done.
    lanes: Vec<(Lane, VecDeque<u64>, Option<Instant>)>,
    cost: fn(u64) -> Duration,
    done: Vec<(u64, Instant)>,
    most_at_once: usize,
    /// How long a caller waits.
    patience: Option<Duration>,
}

impl Simulation {
    fn new(workers: u64, threads: usize, max_queue: usize, cost: fn(u64) -> Duration) -> Self {
        let now = Instant::now();
        let mut simulation = Self {
            dispatcher: Dispatcher::new(max_queue),
            now,
            next: 0,
            lanes: Vec::new(),
            cost,
            done: Vec::new(),
            most_at_once: 0,
            patience: None,
        };
        for worker in 0..workers {
            for thread in 0..threads {
                simulation
                    .lanes
                    .push((Lane { worker, thread }, VecDeque::new(), None));
            }
            let sends = simulation.dispatcher.add_worker(now, worker, threads, None);
            simulation.take(sends);
        }
        simulation
    }

    /// The worker that a request now goes to, and whether that was its allowance.
    fn send(&mut self) -> Option<(WorkerId, bool)> {
        let id = self.next;
        let class = Class::new(Method::Predict, 64);
        self.next += 1;
        let job = Job {
            id,
            class,
            deadline: self.patience.map(|patience| self.now + patience),
            payload: id,
            ticket: Caller::default(),
        };
        match self.dispatcher.submit(self.now, job) {
            Submitted::Send(send) => {
                let found = (send.lane.worker, send.spent);
                self.take(vec![send]);
                Some(found)
            }
            Submitted::Queued | Submitted::Full(_) => None,
        }
    }

    fn examine_after(&mut self, pause: Duration) -> Vec<(WorkerId, Remedy)> {
        self.now += pause;
        self.dispatcher.examine(self.now)
    }

    fn submit(&mut self) -> Option<Caller> {
        let id = self.next;
        self.next += 1;
        let caller = Caller::default();
        let class = Class::new(Method::Predict, 64);
        let job = Job {
            id,
            class,
            deadline: self.patience.map(|patience| self.now + patience),
            payload: id,
            ticket: caller.clone(),
        };
        match self.dispatcher.submit(self.now, job) {
            Submitted::Send(send) => self.take(vec![send]),
            Submitted::Queued => {}
            Submitted::Full(_) => return None,
        }
        Some(caller)
    }

    fn take(&mut self, sends: Vec<Send<u64>>) {
        for send in sends {
            let now = self.now;
            let cost = self.cost;
            let (_, work, head) = self
                .lanes
                .iter_mut()
                .find(|(lane, ..)| *lane == send.lane)
                .expect("a known lane");
            work.push_back(send.payload);
            head.get_or_insert_with(|| now + cost(send.payload));
        }
        let busy = self
            .lanes
            .iter()
            .filter(|(_, work, _)| !work.is_empty())
            .count();
        self.most_at_once = self.most_at_once.max(busy);
    }

    /// Runs to the next answer; false when nothing is under way.
    fn step(&mut self) -> bool {
        let Some(index) = (0..self.lanes.len())
            .filter(|&index| self.lanes[index].2.is_some())
            .min_by_key(|&index| self.lanes[index].2)
        else {
            return false;
        };
        let cost = self.cost;
        let (lane, work, head) = &mut self.lanes[index];
        let at = head.take().expect("filtered above");
        self.now = self.now.max(at);
        let id = work.pop_front().expect("a lane with a head has work");
        if let Some(&next) = work.front() {
            *head = Some(self.now + cost(next));
        }
        let lane = *lane;
        let mut sends = Vec::new();
        let ticket = self
            .dispatcher
            .complete(self.now, lane, id, cost(id), &mut sends);
        assert!(ticket.is_some(), "the lane owes the answer {id}");
        self.done.push((id, self.now));
        self.take(sends);
        true
    }

    /// `callers` who each ask again as soon as they are answered, until `requests` are done.
    fn closed_loop(&mut self, callers: usize, requests: usize) {
        for _ in 0..callers {
            self.submit().expect("the queue has room");
        }
        while self.done.len() < requests {
            assert!(self.step(), "a request is under way");
            self.submit().expect("the queue has room");
        }
    }
}

#[test]
fn fast_model_settles_on_one_thread() {
    let mut simulation = Simulation::new(1, 10, 2048, |_| Duration::from_micros(5));
    simulation.closed_loop(64, 2000);
    simulation.most_at_once = 0;
    simulation.closed_loop(0, 6000);
    assert_eq!(simulation.most_at_once, 1);
}

#[test]
fn slow_model_gets_a_thread_for_each_request() {
    let mut simulation = Simulation::new(1, 10, 2048, |_| Duration::from_millis(10));
    let start = simulation.now;
    simulation.closed_loop(16, 1000);
    assert_eq!(simulation.most_at_once, 10);
    let at_once = 1000.0 * 0.010 / (simulation.now - start).as_secs_f64();
    assert!(at_once > 9.8, "{at_once} at a time");
}

#[test]
fn workers_share_the_load() {
    let mut simulation = Simulation::new(4, 1, 2048, |_| Duration::from_millis(1));
    simulation.closed_loop(8, 400);
    assert_eq!(simulation.most_at_once, 4);
}

/// One request in fifty takes 20 ms, and nobody knows which: the fast ones do not wait behind it as
/// long as another thread is free.
#[test]
fn slow_call_does_not_hold_the_fast_ones_for_long() {
    let cost = |id: u64| {
        if id % 50 == 7 {
            Duration::from_millis(20)
        } else {
            Duration::from_micros(5)
        }
    };
    let mut simulation = Simulation::new(1, 4, 2048, cost);
    simulation.closed_loop(16, 20_000);
    let mut sent = vec![None; simulation.next as usize];
    for &(id, at) in &simulation.done {
        sent[id as usize] = Some(at);
    }
    let total = simulation.done.last().expect("some").1 - simulation.done[0].1;
    // 400 slow calls on 4 threads take at least 2 s; one after the other, 8 s.
    assert!(total < Duration::from_millis(2500), "{total:?}");
}

#[test]
fn queue_is_first_come_first_served_and_bounded() {
    let mut simulation = Simulation::new(1, 2, 3, |_| Duration::from_millis(10));
    let accepted = (0..8).filter(|_| simulation.submit().is_some()).count();
    assert_eq!(accepted, 2 + 3);
    while simulation.step() {}
    let order: Vec<u64> = simulation.done.iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [0, 1, 2, 3, 4]);
    assert_eq!(simulation.dispatcher.in_flight(), 0);
}

#[test]
fn abandoned_requests_never_reach_a_worker_and_free_the_queue() {
    let mut simulation = Simulation::new(1, 1, 2, |_| Duration::from_millis(10));
    simulation.submit().expect("sent");
    let waiting: Vec<Caller> = (0..2)
        .map(|_| simulation.submit().expect("queued"))
        .collect();
    assert!(simulation.submit().is_none());
    waiting[0].0.set(true);
    assert!(simulation.submit().is_some(), "the abandoned one made room");
    waiting[1].0.set(true);
    while simulation.step() {}
    let order: Vec<u64> = simulation.done.iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [0, 4]);
}

#[test]
fn lost_worker_gives_its_tickets_back_and_the_queue_waits_for_the_next() {
    let mut simulation = Simulation::new(1, 2, 16, |_| Duration::from_millis(10));
    for _ in 0..5 {
        simulation.submit().expect("accepted");
    }
    let removed = simulation.dispatcher.remove_worker(0);
    assert_eq!((removed.tickets.len(), removed.answered), (2, false));
    assert!(simulation.dispatcher.remove_worker(0).tickets.is_empty());
    assert_eq!(
        (
            simulation.dispatcher.queued(),
            simulation.dispatcher.in_flight()
        ),
        (3, 0)
    );
    let sends = simulation.dispatcher.add_worker(simulation.now, 7, 2, None);
    assert_eq!(sends.len(), 2);
    assert!(sends.iter().all(|send| send.lane.worker == 7));
}

#[test]
fn whoever_has_left_does_not_wait() {
    let mut simulation = Simulation::new(0, 1, 16, |_| Duration::from_millis(10));
    let callers: Vec<_> = (0..3)
        .map(|_| simulation.submit().expect("the queue has room"))
        .collect();
    assert_eq!(simulation.dispatcher.queued(), 3);
    callers[1].0.set(true);
    assert_eq!(simulation.dispatcher.queued(), 2);
}

#[test]
fn answer_that_nobody_owes_is_told_apart() {
    let mut simulation = Simulation::new(1, 1, 16, |_| Duration::from_millis(10));
    simulation.submit().expect("sent");
    let lane = Lane {
        worker: 0,
        thread: 0,
    };
    let mut sends = Vec::new();
    let ticket =
        simulation
            .dispatcher
            .complete(simulation.now, lane, 99, Duration::ZERO, &mut sends);
    assert!(ticket.is_none());
    assert_eq!(simulation.dispatcher.in_flight(), 1);
}

#[test]
fn classes_tell_methods_and_sizes_apart() {
    assert_eq!(
        Class::new(Method::Predict, 0),
        Class::new(Method::Predict, 255)
    );
    assert_ne!(
        Class::new(Method::Predict, 255),
        Class::new(Method::Predict, 256)
    );
    assert_ne!(
        Class::new(Method::Predict, 1 << 20),
        Class::new(Method::Predict, 1 << 23)
    );
    assert_ne!(Class::new(Method::Predict, 0), Class::new(Method::Route, 0));
    assert_eq!(
        Class::new(Method::Predict, usize::MAX),
        Class::new(Method::Predict, 1 << 40)
    );
}

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn worker_says_once_that_it_has_had_its_allowance() {
    let mut simulation = Simulation::new(0, 1, 16, |_| Duration::from_millis(1));
    let sends = simulation
        .dispatcher
        .add_worker(simulation.now, 0, 8, Some(3));
    assert!(sends.is_empty());
    for thread in 0..8 {
        let lane = Lane { worker: 0, thread };
        simulation.lanes.push((lane, VecDeque::new(), None));
    }
    let spent: Vec<_> = (0..5).map(|_| simulation.send()).collect();
    let wanted = [false, false, true, false, false].map(|spent| Some((0, spent)));
    assert_eq!(spent, wanted, "and it serves on until it is retired");
}

#[test]
fn retired_worker_is_given_nothing_and_is_done_when_it_owes_nothing() {
    let mut simulation = Simulation::new(2, 2, 16, |_| Duration::from_millis(1));
    while simulation.send().is_some() {}
    assert_eq!(simulation.dispatcher.in_flight(), 4);
    simulation.dispatcher.retire_worker(simulation.now, 0);
    assert_eq!(simulation.dispatcher.live(), 1);
    assert!(!simulation.dispatcher.is_done(0));
    while simulation.step() {}
    assert!(simulation.dispatcher.is_done(0));
    assert!(!simulation.dispatcher.is_done(1), "only a retired one is");
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.send(), None, "waits for the one that is left");
    assert!(simulation.dispatcher.remove_worker(0).answered);
    assert_eq!(simulation.dispatcher.give_up_queue().len(), 1);
}

#[test]
fn worker_is_stuck_only_long_after_its_deadlines_and_killed_only_with_all_its_threads() {
    let mut simulation = Simulation::new(1, 2, 16, |_| HOUR);
    simulation.patience = Some(SECOND);
    assert_eq!(simulation.send(), Some((0, false)));
    assert_eq!(simulation.examine_after(5 * SECOND), []);
    assert_eq!(simulation.examine_after(SECOND), [(0, Remedy::Replace)]);
    assert_eq!(simulation.send(), Some((0, false)), "there is no other");
    assert_eq!(simulation.examine_after(SECOND), [(0, Remedy::Replace)]);
    assert_eq!(simulation.examine_after(5 * SECOND), [(0, Remedy::Kill)]);

    let mut simulation = Simulation::new(1, 1, 16, |_| HOUR);
    simulation.send();
    assert_eq!(
        simulation.examine_after(HOUR / 2),
        [],
        "nobody said how long it may take"
    );
}

/// Callers who have less patience than any call takes do not have the worker killed.
#[test]
fn slow_model_is_not_taken_for_a_stuck_one() {
    let mut simulation = Simulation::new(1, 1, 16, |_| 20 * SECOND);
    simulation.patience = Some(SECOND);
    for _ in 0..3 {
        simulation.patience = None;
        simulation.send();
        simulation.step();
    }
    simulation.patience = Some(SECOND);
    simulation.send();
    assert_eq!(simulation.examine_after(10 * SECOND), []);
    simulation.send();
    simulation.step();
    // The second has only just been started.
    assert_eq!(simulation.examine_after(4 * SECOND), []);
}

#[test]
fn worker_with_a_late_request_comes_last() {
    let mut simulation = Simulation::new(2, 2, 16, |_| HOUR);
    simulation.patience = Some(SECOND);
    assert_eq!(simulation.send(), Some((0, false)));
    simulation.patience = None;
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.examine_after(2 * SECOND), []);
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(
        simulation.send(),
        Some((0, false)),
        "the only one with room"
    );
    assert_eq!(simulation.send(), None);
}

#[test]
fn retired_worker_on_which_nobody_waits_is_not_waited_for_either() {
    let mut simulation = Simulation::new(1, 2, 16, |_| HOUR);
    let callers = [simulation.submit(), simulation.submit()].map(|caller| caller.expect("sent"));
    simulation.dispatcher.retire_worker(simulation.now, 0);
    callers[0].0.set(true);
    assert_eq!(simulation.examine_after(60 * SECOND), []);
    callers[1].0.set(true);
    assert_eq!(simulation.examine_after(SECOND), [(0, Remedy::Kill)]);
}

/// One of four workers hangs. Each caller whose request lies on it waits out its patience and asks
/// again; the others are served as fast as three workers can.
#[test]
fn hung_worker_of_four_leaves_the_others_their_speed() {
    let served = |cost: fn(u64) -> Duration| {
        let mut simulation = Simulation::new(4, 1, 2048, cost);
        simulation.patience = Some(SECOND);
        let start = simulation.now;
        let mut waiting: Vec<(u64, Instant, Caller)> = Vec::new();
        let ask = |simulation: &mut Simulation, waiting: &mut Vec<_>| {
            let id = simulation.next;
            let caller = simulation.submit().expect("the queue has room");
            waiting.push((id, simulation.now + SECOND, caller));
        };
        for _ in 0..32 {
            ask(&mut simulation, &mut waiting);
        }
        let mut late = 0;
        while simulation.now < start + 4 * SECOND {
            assert!(simulation.step());
            simulation.dispatcher.examine(simulation.now);
            let answered = simulation.done.last().expect("stepped").0;
            let now = simulation.now;
            waiting.retain(|(id, deadline, caller)| {
                let over = now > *deadline;
                caller.0.set(over);
                late += usize::from(over);
                *id != answered && !over
            });
            while waiting.len() < 32 {
                ask(&mut simulation, &mut waiting);
            }
        }
        (simulation.done.len(), late)
    };
    let (all, late) = served(|_| Duration::from_micros(100));
    assert_eq!(late, 0);
    let cost = |id| {
        if id == 1000 {
            HOUR
        } else {
            Duration::from_micros(100)
        }
    };
    let (three, late) = served(cost);
    assert!(three * 100 > all * 70, "{three} of {all}");
    assert!(late <= 8, "{late} callers waited in vain");
}
