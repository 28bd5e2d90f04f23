//! Where there is room for a request.

use std::time::{Duration, Instant};

use super::interface::Role;
use super::{
    ConnectionId, ConnectionState, CostClass, DEPTH, Dispatcher, InFlight, Responder, WorkerState,
};

/// A request for which there is to be room.
#[derive(Clone, Copy, Debug)]
struct Want {
    cost_class: CostClass,
    cost: Duration,
    /// On how many threads of a worker its class may be at the same time.
    width: usize,
    budget: Duration,
    /// How many requests may be in flight on the only thread of a worker.
    depth_alone: usize,
}

impl<P, R: Responder> Dispatcher<P, R> {
    /// As [`Self::pick`]; where a request would have to wait, it may be time to try whether another
    /// thread pays for its class.
    pub(super) fn pick_or_try(
        &mut self,
        now: Instant,
        cost_class: CostClass,
    ) -> Option<ConnectionId> {
        self.pick(now, cost_class).or_else(|| {
            let tries = self.estimates.begin_trial(now, cost_class);
            tries.then(|| self.pick(now, cost_class)).flatten()
        })
    }

    /// The first connection with room, of the worker with the fewest requests in flight. A worker
    /// with a request past its deadline comes after all others: all its threads may hang.
    fn pick(&self, now: Instant, cost_class: CostClass) -> Option<ConnectionId> {
        let want = Want {
            cost_class,
            cost: self.estimates.of(cost_class),
            width: self.width(cost_class),
            budget: self.policy.budget,
            depth_alone: if self.live() > 1 {
                self.policy.depth_alone
            } else {
                DEPTH
            },
        };
        let mut best: Option<((bool, usize), ConnectionId)> = None;
        for worker in &self.workers {
            let rank = (worker.is_late, worker.in_flight);
            if worker.retired.is_some() || best.is_some_and(|(before, _)| rank >= before) {
                continue;
            }
            if let Some(thread) = worker.room(now, want) {
                let worker = worker.id;
                best = Some((rank, ConnectionId { worker, thread }));
                if rank == (false, 0) {
                    break;
                }
            }
        }
        best.map(|(_, connection)| connection)
    }

    fn width(&self, cost_class: CostClass) -> usize {
        if self.policy.learns_spread {
            self.estimates.width(cost_class)
        } else {
            usize::MAX
        }
    }
}

impl<R> WorkerState<R> {
    /// The first connection with room; no further ones than the width allows are looked at, as long
    /// as those get on with their calls.
    fn room(&self, now: Instant, want: Want) -> Option<usize> {
        let depth = match self.connections.len() {
            1 => want.depth_alone,
            _ => DEPTH,
        };
        let mut occupied = 0;
        for (thread, connection) in self.connections.iter().enumerate() {
            if connection.has_room(now, want, depth) {
                return Some(thread);
            }
            occupied += usize::from(connection.is_occupied(now, want));
            if occupied >= want.width {
                return None;
            }
        }
        None
    }
}

impl<R> ConnectionState<R> {
    fn has_room(&self, now: Instant, want: Want, depth: usize) -> bool {
        if self.in_flight.is_empty() {
            return !matches!(self.role, Role::Takes(_));
        }
        self.in_flight.len() < depth
            && self.load + want.cost <= want.budget
            && !self.is_blocked(now)
    }

    /// Its thread gets on with fast calls, or with one of this class, with which another thread
    /// would fight for the interpreter lock. So it seems to do while what lies on it can still
    /// move: that it does not move shows that the call holds the lock, or that the worker has no
    /// core.
    fn is_occupied(&self, now: Instant, want: Want) -> bool {
        let runs =
            |first: &InFlight<R>| first.cost < want.budget || first.cost_class == want.cost_class;
        let gets_on = !self.is_blocked(now) || self.is_movable();
        gets_on && self.in_flight.front().is_some_and(runs)
    }
}
