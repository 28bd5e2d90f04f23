//! Which workers do not return from their calls.

use std::time::{Duration, Instant};

use super::estimate::Estimates;
use super::{ConnectionState, Dispatcher, Responder, WorkerId, WorkerState};

/// A thread is stuck when its call has run on for so long after the request's deadline. A caller
/// may set a deadline shorter than any call takes, so that being late alone does not show that.
const MARGIN: Duration = Duration::from_secs(5);

/// And for so many times what such requests take on the mean.
const MEANS: u32 = 10;

/// A retired worker on which only abandoned requests are in flight is given so long to finish.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(5);

/// What is to be done about a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HealthAction {
    /// Some threads are stuck: a successor takes over, then it ends.
    Replace,
    /// All threads are stuck.
    Kill,
    /// It has been retired, and all that is in flight has been abandoned.
    GiveUp,
}

impl<P, R: Responder> Dispatcher<P, R> {
    /// Checks every worker; to be called at intervals.
    ///
    /// A request that is past its deadline when its turn comes is refused by the worker at once,
    /// so the first on a connection has been started.
    pub(crate) fn check_health(&mut self, now: Instant) -> Vec<(WorkerId, HealthAction)> {
        let (estimates, hang_timeout) = (&self.estimates, self.hang_timeout);
        let mut actions = Vec::new();
        for worker in &mut self.workers {
            worker.is_late = worker.connections.iter().any(|one| one.is_late(now));
            if let Some(action) = worker.health_action(now, estimates, hang_timeout) {
                actions.push((worker.id, action));
            }
        }
        actions
    }
}

impl<R: Responder> WorkerState<R> {
    fn health_action(
        &mut self,
        now: Instant,
        estimates: &Estimates,
        hang_timeout: Option<Duration>,
    ) -> Option<HealthAction> {
        let is_hung = |connection: &ConnectionState<R>| {
            hang_timeout.is_some_and(|time| connection.is_hung(now, time))
        };
        let action = self.judge(now, |one| is_hung(one) || one.is_stuck(now, estimates));
        if let Some(time) = hang_timeout {
            let goes_on = action != Some(HealthAction::Kill);
            for connection in self.connections.iter_mut().filter(|one| is_hung(one)) {
                if let Some(first) = connection.in_flight.front_mut() {
                    first.responder.hung(time, goes_on);
                }
            }
        }
        action
    }

    fn judge(
        &self,
        now: Instant,
        is_stuck: impl Fn(&ConnectionState<R>) -> bool,
    ) -> Option<HealthAction> {
        if let Some(since) = self.retired {
            let mut in_flight = self.connections.iter().flat_map(|one| &one.in_flight);
            let is_hopeless = self.in_flight > 0
                && now.saturating_duration_since(since) >= ABANDONED_TIMEOUT
                && in_flight.all(|request| request.responder.is_abandoned());
            return is_hopeless.then_some(HealthAction::GiveUp);
        }
        match self.connections.iter().filter(|one| is_stuck(one)).count() {
            0 => None,
            count if count == self.connections.len() => Some(HealthAction::Kill),
            _ => Some(HealthAction::Replace),
        }
    }
}

impl<R> ConnectionState<R> {
    fn is_late(&self, now: Instant) -> bool {
        let first = self.in_flight.front();
        first.is_some_and(|first| first.is_late(now))
    }

    fn is_hung(&self, now: Instant, time: Duration) -> bool {
        let has_run = now.saturating_duration_since(self.last_progress);
        !self.in_flight.is_empty() && has_run >= time
    }

    fn is_stuck(&self, now: Instant, estimates: &Estimates) -> bool {
        self.in_flight.front().is_some_and(|first| {
            let margin = MARGIN.max(estimates.mean(first.cost_class) * MEANS);
            first.deadline.is_some_and(|deadline| {
                // A request behind a call that was late itself has only just been started.
                now.saturating_duration_since(deadline.max(self.last_progress)) >= margin
            })
        })
    }
}
