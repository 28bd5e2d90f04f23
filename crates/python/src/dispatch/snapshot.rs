//! What is where, for reports and for those who look.

use std::time::Instant;

use super::{Dispatcher, Responder, WorkerId};
use crate::frame::Call;

/// A request that is queued, or that a thread of a worker has been given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running<'a, R> {
    /// The thread, if it has been given to one.
    pub(crate) given: Option<Given>,
    pub(crate) call: Call,
    pub(crate) deadline: Option<Instant>,
    pub(crate) responder: &'a R,
}

/// Where a request is that has been given to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The number of the thread.
    pub(crate) thread: usize,
    /// It is the first one of that thread, which runs it.
    pub(crate) is_first: bool,
}

/// How a worker is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerLoad {
    pub(crate) state: &'static str,
    pub(crate) in_flight: usize,
}

impl<R: Responder> Running<'_, R> {
    pub(crate) fn is_abandoned(&self) -> bool {
        self.responder.is_abandoned()
    }
}

impl<P, R: Responder> Dispatcher<P, R> {
    /// What a worker runs: the first request of each connection.
    pub(crate) fn running(&self, id: WorkerId) -> impl Iterator<Item = Running<'_, R>> {
        let given = self.given_to(id);
        given.filter(|one| one.given.is_some_and(|given| given.is_first))
    }

    /// What a worker has been given.
    pub(crate) fn given_to(&self, id: WorkerId) -> impl Iterator<Item = Running<'_, R>> {
        let worker = self.workers.iter().find(move |worker| worker.id == id);
        worker.into_iter().flat_map(|worker| {
            let connections = worker.connections.iter().enumerate();
            connections.flat_map(|(at, connection)| {
                let reader = worker.reads.iter().position(|&read| read == at);
                let in_flight = connection.in_flight.iter().enumerate();
                in_flight.map(move |(place, request)| Running {
                    given: Some(Given {
                        thread: reader.unwrap_or(at),
                        is_first: place == 0,
                    }),
                    call: request.cost_class.call(),
                    deadline: request.deadline,
                    responder: &request.responder,
                })
            })
        })
    }

    /// What is queued and has a caller, from the front.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Running<'_, R>> {
        let queue = self.queue.iter().map(|request| Running {
            given: None,
            call: request.cost_class.call(),
            deadline: request.deadline,
            responder: &request.responder,
        });
        queue.filter(|request| !request.is_abandoned())
    }

    /// How a worker is.
    pub(crate) fn load_of(&self, id: WorkerId) -> Option<WorkerLoad> {
        let worker = self.workers.iter().find(|worker| worker.id == id)?;
        let state = if worker.retired.is_some() {
            "retired"
        } else if worker.is_late {
            "late"
        } else if worker.in_flight > 0 {
            "busy"
        } else {
            "idle"
        };
        Some(WorkerLoad {
            state,
            in_flight: worker.in_flight,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use streeling_core::Method;

    use super::*;
    use crate::dispatch::{CostClass, QueuedRequest};

    /// A caller, and whether it has given up.
    #[derive(Debug)]
    struct Caller(u64, bool);

    impl Responder for Caller {
        fn is_abandoned(&self) -> bool {
            self.1
        }

        fn sent(&self, _: Instant) {}

        fn hung(&mut self, _: Duration, _: bool) {}
    }

    fn submit(dispatcher: &mut Dispatcher<(), Caller>, id: u64, is_abandoned: bool) {
        dispatcher.submit(
            Instant::now(),
            QueuedRequest {
                id,
                cost_class: CostClass::new(Method::Route, 10),
                deadline: None,
                payload: (),
                responder: Caller(id, is_abandoned),
            },
        );
    }

    #[test]
    fn what_is_given_and_what_waits_is_all_there_is() {
        let mut dispatcher = Dispatcher::new(9);
        let load = |dispatcher: &Dispatcher<_, _>| {
            let load = dispatcher.load_of(7).unwrap();
            (load.state, load.in_flight)
        };
        let now = Instant::now();
        dispatcher.add_worker(now, 7, 1, None);
        assert_eq!(load(&dispatcher), ("idle", 0));
        for id in 0..200 {
            submit(&mut dispatcher, id, false);
        }
        let given: Vec<_> = dispatcher.given_to(7).collect();
        assert_eq!(load(&dispatcher), ("busy", given.len()));
        for (at, one) in given.iter().enumerate() {
            let is_first = at == 0;
            assert_eq!(
                one.given,
                Some(Given {
                    thread: 0,
                    is_first
                })
            );
            assert_eq!((one.call.name(), one.responder.0), ("route", at as u64));
        }
        let running: Vec<_> = dispatcher.running(7).map(|one| one.responder.0).collect();
        assert_eq!(running, [0]);
        // Further ones were refused.
        let waiting: Vec<_> = dispatcher.waiting().map(|one| one.responder.0).collect();
        let first = given.len() as u64;
        assert_eq!(waiting, (first..first + 9).collect::<Vec<_>>());
        assert!(dispatcher.waiting().all(|one| one.given.is_none()));

        dispatcher.retire_worker(now, 7);
        assert_eq!(load(&dispatcher).0, "retired");
        dispatcher.remove_worker(7);
        assert_eq!(dispatcher.load_of(7), None);
        assert_eq!(dispatcher.given_to(7).count(), 0);
    }

    #[test]
    fn callers_that_have_given_up_wait_for_nothing() {
        let mut dispatcher = Dispatcher::new(9);
        for id in 0..4 {
            submit(&mut dispatcher, id, id % 2 == 0);
        }
        let waiting: Vec<_> = dispatcher.waiting().map(|one| one.responder.0).collect();
        assert_eq!(waiting, [1, 3]);
    }
}
