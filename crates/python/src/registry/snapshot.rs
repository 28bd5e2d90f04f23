//! Looks at a pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Registry, State};
use crate::dispatch::Given;
use crate::lock::lock;
use crate::snapshot::{PoolSnapshot, RequestSnapshot, WorkerSnapshot};

impl Registry {
    /// What it has now, of the requests at most so many. The lock is held while these are collected
    /// and what is in flight is passed over, which the workers' threads and the queue bound.
    pub(crate) fn snapshot(&self, most: usize) -> PoolSnapshot {
        let state = lock(&self.state);
        let now = Instant::now();
        let running = state.given(|given| given.is_first);
        let behind = state.given(|given| !given.is_first);
        let queued = state.dispatcher.waiting();
        let queued = queued.map(|one| RequestSnapshot::new(&one, None));
        let requests = running.chain(behind).chain(queued).take(most).collect();
        PoolSnapshot {
            workers: state.workers(now),
            requests,
            queued: state.dispatcher.queued(),
        }
    }
}

impl State {
    fn given(&self, is_wanted: fn(Given) -> bool) -> impl Iterator<Item = RequestSnapshot> {
        self.workers.iter().flat_map(move |worker| {
            let given = self.dispatcher.given_to(worker.id);
            given
                .filter(move |one| one.given.is_some_and(is_wanted))
                .map(|one| RequestSnapshot::new(&one, Some(worker.slot)))
        })
    }

    fn workers(&self, now: Instant) -> Vec<WorkerSnapshot> {
        let workers = self.workers.iter();
        let workers = workers.filter_map(|handle| {
            let load = self.dispatcher.load_of(handle.id)?;
            let is_stuck = handle.is_reported.load(Ordering::Relaxed);
            Some(WorkerSnapshot {
                slot: handle.slot,
                pid: handle.pid,
                stacks: Arc::clone(&handle.stacks),
                state: if is_stuck { "stuck" } else { load.state },
                in_flight: load.in_flight,
                age: now.saturating_duration_since(handle.since),
            })
        });
        workers.collect()
    }
}
