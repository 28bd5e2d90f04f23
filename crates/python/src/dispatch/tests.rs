//! The dispatcher in a simulated pool with a clock of its own.

mod late;

use std::cell::Cell;
use std::rc::Rc;

use streeling_core::Method;

use super::*;

#[derive(Debug, Default, Clone)]
struct Caller(Rc<Cell<bool>>);

impl Responder for Caller {
    fn is_abandoned(&self) -> bool {
        self.0.get()
    }

    fn sent(&self, _: Instant) {}

    fn hung(&mut self, _: Duration, _: bool) {}
}

/// A pool in which every thread works through its connection's requests in order, at the same time
/// as all other threads.
struct Simulation {
    dispatcher: Dispatcher<u64, Caller>,
    now: Instant,
    next: u64,
    /// For every connection: the ids in flight on it, in order, and when the first will be done.
    connections: Vec<(ConnectionId, VecDeque<u64>, Option<Instant>)>,
    cost: fn(u64) -> Duration,
    done: Vec<(u64, Instant)>,
    most_at_once: usize,
    /// How long a caller waits.
    timeout: Option<Duration>,
}

impl Simulation {
    fn new(workers: u64, threads: usize, max_queue: usize, cost: fn(u64) -> Duration) -> Self {
        let now = Instant::now();
        let mut simulation = Self {
            dispatcher: Dispatcher::new(max_queue),
            now,
            next: 0,
            connections: Vec::new(),
            cost,
            done: Vec::new(),
            most_at_once: 0,
            timeout: None,
        };
        for worker in 0..workers {
            for thread in 0..threads {
                let connection = ConnectionId { worker, thread };
                simulation
                    .connections
                    .push((connection, VecDeque::new(), None));
            }
            let assignments = simulation.dispatcher.add_worker(now, worker, threads, None);
            simulation.run(assignments);
        }
        simulation
    }

    /// The worker that a request now goes to, and whether that was its maximum.
    fn send(&mut self) -> Option<(WorkerId, bool)> {
        let id = self.next;
        let cost_class = CostClass::new(Method::Predict, 64);
        self.next += 1;
        let request = QueuedRequest {
            id,
            cost_class,
            deadline: self.timeout.map(|timeout| self.now + timeout),
            payload: id,
            responder: Caller::default(),
        };
        match self.dispatcher.submit(self.now, request) {
            Submitted::Assigned(assignment) => {
                let found = (assignment.connection.worker, assignment.recycle_requested);
                self.run(vec![assignment]);
                Some(found)
            }
            Submitted::Queued | Submitted::Full(_) => None,
        }
    }

    fn check_health_after(&mut self, pause: Duration) -> Vec<(WorkerId, HealthAction)> {
        self.now += pause;
        self.dispatcher.check_health(self.now)
    }

    fn submit(&mut self) -> Option<Caller> {
        let id = self.next;
        self.next += 1;
        let caller = Caller::default();
        let cost_class = CostClass::new(Method::Predict, 64);
        let request = QueuedRequest {
            id,
            cost_class,
            deadline: self.timeout.map(|timeout| self.now + timeout),
            payload: id,
            responder: caller.clone(),
        };
        match self.dispatcher.submit(self.now, request) {
            Submitted::Assigned(assignment) => self.run(vec![assignment]),
            Submitted::Queued => {}
            Submitted::Full(_) => return None,
        }
        Some(caller)
    }

    fn run(&mut self, assignments: Vec<Assignment<u64>>) {
        for assignment in assignments {
            let now = self.now;
            let cost = self.cost;
            let (_, in_flight, done) = self
                .connections
                .iter_mut()
                .find(|(connection, ..)| *connection == assignment.connection)
                .expect("a known connection");
            in_flight.push_back(assignment.payload);
            done.get_or_insert_with(|| now + cost(assignment.payload));
        }
        let busy = self
            .connections
            .iter()
            .filter(|(_, in_flight, _)| !in_flight.is_empty())
            .count();
        self.most_at_once = self.most_at_once.max(busy);
    }

    /// Runs to the next response; false when nothing is in flight.
    fn step(&mut self) -> bool {
        let Some(index) = (0..self.connections.len())
            .filter(|&index| self.connections[index].2.is_some())
            .min_by_key(|&index| self.connections[index].2)
        else {
            return false;
        };
        let cost = self.cost;
        let (connection, in_flight, done) = &mut self.connections[index];
        let at = done.take().expect("filtered above");
        self.now = self.now.max(at);
        let id = in_flight.pop_front().expect("the one that is done");
        if let Some(&next) = in_flight.front() {
            *done = Some(self.now + cost(next));
        }
        let connection = *connection;
        let mut sends = Sends::default();
        let took = cost(id);
        let work = Work {
            entered: self.now - took,
            took,
            response: 64,
        };
        let responder = self
            .dispatcher
            .complete(self.now, connection, id, Some(work), &mut sends);
        assert!(responder.is_some(), "request {id} is in flight there");
        self.done.push((id, self.now));
        self.run(sends.assignments);
        true
    }

    /// `callers` who each send the next request at a response, until `requests` are done.
    fn closed_loop(&mut self, callers: usize, requests: usize) {
        for _ in 0..callers {
            self.submit().expect("the queue has room");
        }
        while self.done.len() < requests {
            assert!(self.step(), "a request is in flight");
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
fn lost_worker_gives_its_responders_back_and_the_queue_waits_for_the_next() {
    let mut simulation = Simulation::new(1, 2, 16, |_| Duration::from_millis(10));
    for _ in 0..5 {
        simulation.submit().expect("accepted");
    }
    let removed = simulation.dispatcher.remove_worker(0);
    assert_eq!(
        (removed.responders.len(), removed.has_responded),
        (2, false)
    );
    let again = simulation.dispatcher.remove_worker(0);
    assert!(again.responders.is_empty());
    assert_eq!(
        (
            simulation.dispatcher.queued(),
            simulation.dispatcher.in_flight()
        ),
        (3, 0)
    );
    let assignments = simulation.dispatcher.add_worker(simulation.now, 7, 2, None);
    assert_eq!(assignments.len(), 2);
    assert!(assignments.iter().all(|one| one.connection.worker == 7));
}

#[test]
fn abandoned_requests_do_not_count_as_queued() {
    let mut simulation = Simulation::new(0, 1, 16, |_| Duration::from_millis(10));
    let callers: Vec<_> = (0..3)
        .map(|_| simulation.submit().expect("the queue has room"))
        .collect();
    assert_eq!(simulation.dispatcher.queued(), 3);
    callers[1].0.set(true);
    assert_eq!(simulation.dispatcher.queued(), 2);
}

#[test]
fn response_without_a_request_in_flight_is_refused() {
    let mut simulation = Simulation::new(1, 1, 16, |_| Duration::from_millis(10));
    simulation.submit().expect("sent");
    let connection = ConnectionId {
        worker: 0,
        thread: 0,
    };
    let mut sends = Sends::default();
    let responder =
        simulation
            .dispatcher
            .complete(simulation.now, connection, 99, None, &mut sends);
    assert!(responder.is_none());
    assert_eq!(simulation.dispatcher.in_flight(), 1);
}

#[test]
fn cost_classes_distinguish_methods_and_sizes() {
    assert_eq!(
        CostClass::new(Method::Predict, 0),
        CostClass::new(Method::Predict, 255)
    );
    assert_ne!(
        CostClass::new(Method::Predict, 255),
        CostClass::new(Method::Predict, 256)
    );
    assert_ne!(
        CostClass::new(Method::Predict, 1 << 20),
        CostClass::new(Method::Predict, 1 << 23)
    );
    assert_ne!(
        CostClass::new(Method::Predict, 0),
        CostClass::new(Method::Route, 0)
    );
    assert_eq!(
        CostClass::new(Method::Predict, usize::MAX),
        CostClass::new(Method::Predict, 1 << 40)
    );
}

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn worker_is_reported_once_at_its_maximum_of_requests() {
    let mut simulation = Simulation::new(0, 1, 16, |_| Duration::from_millis(1));
    let assignments = simulation
        .dispatcher
        .add_worker(simulation.now, 0, 8, Some(3));
    assert!(assignments.is_empty());
    for thread in 0..8 {
        let connection = ConnectionId { worker: 0, thread };
        simulation
            .connections
            .push((connection, VecDeque::new(), None));
    }
    let found: Vec<_> = (0..5).map(|_| simulation.send()).collect();
    let expected = [false, false, true, false, false].map(|recycle| Some((0, recycle)));
    assert_eq!(found, expected, "and it serves on until it is retired");
}

#[test]
fn retired_worker_is_given_nothing_and_is_drained_when_nothing_is_in_flight() {
    let mut simulation = Simulation::new(2, 2, 16, |_| Duration::from_millis(1));
    while simulation.send().is_some() {}
    assert_eq!(simulation.dispatcher.in_flight(), 4);
    simulation.dispatcher.retire_worker(simulation.now, 0);
    assert_eq!(simulation.dispatcher.live(), 1);
    assert!(!simulation.dispatcher.is_drained(0));
    while simulation.step() {}
    assert!(simulation.dispatcher.is_drained(0));
    assert!(
        !simulation.dispatcher.is_drained(1),
        "only a retired one is"
    );
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.send(), None, "waits for the one that is left");
    assert!(simulation.dispatcher.remove_worker(0).has_responded);
    assert_eq!(simulation.dispatcher.clear_queue().len(), 1);
}

#[test]
fn worker_is_stuck_only_long_after_its_deadlines_and_killed_only_with_all_its_threads() {
    let mut simulation = Simulation::new(1, 2, 16, |_| HOUR);
    simulation.timeout = Some(SECOND);
    assert_eq!(simulation.send(), Some((0, false)));
    assert_eq!(simulation.check_health_after(5 * SECOND), []);
    assert_eq!(
        simulation.check_health_after(SECOND),
        [(0, HealthAction::Replace)]
    );
    assert_eq!(simulation.send(), Some((0, false)), "there is no other");
    assert_eq!(
        simulation.check_health_after(SECOND),
        [(0, HealthAction::Replace)]
    );
    assert_eq!(
        simulation.check_health_after(5 * SECOND),
        [(0, HealthAction::Kill)]
    );

    let mut simulation = Simulation::new(1, 1, 16, |_| HOUR);
    simulation.send();
    assert_eq!(
        simulation.check_health_after(HOUR / 2),
        [],
        "a request without a deadline may take any time"
    );
}

/// Callers whose timeout is shorter than any call do not have the worker killed.
#[test]
fn slow_model_is_not_taken_for_a_stuck_one() {
    let mut simulation = Simulation::new(1, 1, 16, |_| 20 * SECOND);
    simulation.timeout = Some(SECOND);
    for _ in 0..3 {
        simulation.timeout = None;
        simulation.send();
        simulation.step();
    }
    simulation.timeout = Some(SECOND);
    simulation.send();
    assert_eq!(simulation.check_health_after(10 * SECOND), []);
    simulation.send();
    simulation.step();
    // The second has only just been started.
    assert_eq!(simulation.check_health_after(4 * SECOND), []);
}

#[test]
fn worker_with_a_late_request_comes_last() {
    let mut simulation = Simulation::new(2, 2, 16, |_| HOUR);
    simulation.timeout = Some(SECOND);
    assert_eq!(simulation.send(), Some((0, false)));
    simulation.timeout = None;
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(simulation.check_health_after(2 * SECOND), []);
    assert_eq!(simulation.send(), Some((1, false)));
    assert_eq!(
        simulation.send(),
        Some((0, false)),
        "the only one with room"
    );
    assert_eq!(simulation.send(), None);
}

#[test]
fn retired_worker_with_abandoned_requests_alone_is_killed() {
    let mut simulation = Simulation::new(1, 2, 16, |_| HOUR);
    let callers = [simulation.submit(), simulation.submit()].map(|caller| caller.expect("sent"));
    simulation.dispatcher.retire_worker(simulation.now, 0);
    callers[0].0.set(true);
    assert_eq!(simulation.check_health_after(60 * SECOND), []);
    callers[1].0.set(true);
    assert_eq!(
        simulation.check_health_after(SECOND),
        [(0, HealthAction::GiveUp)]
    );
}

/// One of four workers hangs. Each caller whose request is in flight on it waits until its timeout
/// and sends another; the others are served as fast as three workers can.
#[test]
fn hung_worker_of_four_leaves_the_others_their_speed() {
    let served = |cost: fn(u64) -> Duration| {
        let mut simulation = Simulation::new(4, 1, 2048, cost);
        simulation.timeout = Some(SECOND);
        let start = simulation.now;
        let mut waiting: Vec<(u64, Instant, Caller)> = Vec::new();
        let send = |simulation: &mut Simulation, waiting: &mut Vec<_>| {
            let id = simulation.next;
            let caller = simulation.submit().expect("the queue has room");
            waiting.push((id, simulation.now + SECOND, caller));
        };
        for _ in 0..32 {
            send(&mut simulation, &mut waiting);
        }
        let mut late = 0;
        while simulation.now < start + 4 * SECOND {
            assert!(simulation.step());
            simulation.dispatcher.check_health(simulation.now);
            let done = simulation.done.last().expect("stepped").0;
            let now = simulation.now;
            waiting.retain(|(id, deadline, caller)| {
                let over = now > *deadline;
                caller.0.set(over);
                late += usize::from(over);
                *id != done && !over
            });
            while waiting.len() < 32 {
                send(&mut simulation, &mut waiting);
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
    assert!(late <= 8, "{late} callers timed out");
}
