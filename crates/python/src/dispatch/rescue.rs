//! Requests that lie behind a slow call move to an idle thread of the same worker.
//!
//! The idle thread takes the connection over ([`TakeOver`]): from then on it reads the
//! requests of that connection, and the thread that is in the slow call will read those of its own.
//! So all requests in flight stay on their connections but the one that runs, which belongs to the
//! idle thread's connection from then on.

use std::time::{Duration, Instant};

use super::interface::{ConnectionId, Responder, Role, Sends, TakeOver};
use super::{ConnectionState, Dispatcher, InFlight, WorkerState};

/// A connection without a response for so long is behind a slow call, contrary to the estimate: it
/// is given nothing more, and what lies on it moves. Four budgets: a full connection needs one, and
/// a worker may hold back its responses for 200 µs.
pub(super) const PROGRESS_TIMEOUT: Duration = Duration::from_millis(2);

/// How often [`Dispatcher::tick`] is to be called while it has something to watch.
pub(crate) const TICK: Duration = Duration::from_millis(1);

impl<P, R: Responder> Dispatcher<P, R> {
    /// Has requests moved that lie behind a slow call, and assigns what is queued; to be called
    /// every [`TICK`] while [`Self::needs_tick`].
    pub(crate) fn tick(&mut self, now: Instant) -> Sends<P> {
        let mut sends = Sends::default();
        for worker in self.workers.iter_mut().filter(|_| self.policy.rescues) {
            worker.rescue(now, &mut sends.take_overs);
        }
        sends.assignments = self.assign_queued(now);
        sends
    }

    /// Whether time alone may bring something to do: a request waits for another one.
    pub(crate) fn needs_tick(&self) -> bool {
        let mut connections = self.workers.iter().flat_map(|worker| &worker.connections);
        !self.queue.is_empty() || connections.any(ConnectionState::is_movable)
    }

    /// Takes the response to a [`TakeOver`] that came over the socket of this thread; `None` when
    /// there was none. `running` is the request that stays with the thread that was relieved; where
    /// it ran none, everything has stayed as it was.
    pub(crate) fn taken(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        running: Option<u64>,
    ) -> Option<Sends<P>> {
        let mut workers = self.workers.iter_mut();
        let worker = workers.find(|worker| worker.id == connection.worker)?;
        worker.taken(now, connection.thread, running)?;
        Some(self.tick(now))
    }
}

impl<R> WorkerState<R> {
    /// Has idle threads take over connections that stall with requests behind the one that runs.
    pub(super) fn rescue(&mut self, now: Instant, take_overs: &mut Vec<TakeOver>) {
        self.is_rescue_due = false;
        for from in 0..self.connections.len() {
            let stuck = &self.connections[from];
            if !stuck.is_movable() || stuck.role != Role::None || !stuck.is_blocked(now) {
                continue;
            }
            let Some(thread) = self.connections.iter().position(ConnectionState::can_take) else {
                self.is_rescue_due = true;
                return;
            };
            self.connections[thread].role = Role::Takes(from);
            let stuck = &mut self.connections[from];
            stuck.role = Role::Given;
            // The thread that takes over gets as long for the first response.
            stuck.last_progress = now;
            take_overs.push(TakeOver {
                connection: ConnectionId {
                    worker: self.id,
                    thread,
                },
                from,
            });
        }
    }

    fn taken(&mut self, now: Instant, socket: usize, running: Option<u64>) -> Option<()> {
        let thread = *self.reads.get(socket)?;
        let Role::Takes(from) = self.connections[thread].role else {
            return None;
        };
        self.connections[thread].role = Role::None;
        self.connections[from].role = Role::None;
        let Some(id) = running else {
            return Some(());
        };
        let other = self.reads.iter().position(|reads| *reads == from)?;
        self.reads.swap(socket, other);
        // It may have ended meanwhile.
        if let Some(running) = self.connections[from].remove(id) {
            let connection = &mut self.connections[thread];
            // Long ago: nothing is sent there until it has ended.
            connection.last_progress = running.sent;
            connection.push(running);
        }
        self.connections[from].last_progress = now;
        Some(())
    }
}

impl<R> ConnectionState<R> {
    /// Nothing has come for longer than what runs is expected to take.
    pub(super) fn is_blocked(&self, now: Instant) -> bool {
        let expected = self
            .in_flight
            .front()
            .map_or(Duration::ZERO, |one| one.cost);
        let timeout = PROGRESS_TIMEOUT.max(expected * 4);
        now.saturating_duration_since(self.last_progress) >= timeout
    }

    /// Something lies behind the request that runs.
    pub(super) fn is_movable(&self) -> bool {
        self.in_flight.len() > 1
    }

    fn can_take(&self) -> bool {
        self.in_flight.is_empty() && self.role == Role::None
    }

    /// Takes a request off it.
    pub(super) fn remove(&mut self, id: u64) -> Option<InFlight<R>> {
        let index = self.in_flight.iter().position(|one| one.id == id)?;
        let request = self.in_flight.remove(index)?;
        self.load = self.load.saturating_sub(request.cost);
        Some(request)
    }

    pub(super) fn push(&mut self, request: InFlight<R>) {
        self.load += request.cost;
        self.in_flight.push_back(request);
    }
}
