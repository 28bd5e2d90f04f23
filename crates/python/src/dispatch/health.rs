//! Which workers do not come back from a call.

use std::time::{Duration, Instant};

use super::estimate::Estimates;
use super::{Dispatcher, LaneState, Ticket, WorkerId, WorkerState};

/// A thread is stuck when its call has run on for so long after the request's deadline. A caller
/// may set a deadline shorter than any call takes, so that being late alone says nothing.
const MARGIN: Duration = Duration::from_secs(5);

/// And for so many times what such requests take on the mean.
const MEANS: u32 = 10;

/// A retired worker on which only requests lie that nobody waits for is given so long to finish.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is to be done about a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Some threads are stuck: a successor takes over, then it goes.
    Replace,
    /// Nothing more can come of it.
    Kill,
}

impl<P, T: Ticket> Dispatcher<P, T> {
    /// Looks at every worker; to be called every now and then.
    ///
    /// A request that is past its deadline when its turn comes is refused by the worker at once,
    /// so the first on a lane has been started.
    pub(crate) fn examine(&mut self, now: Instant) -> Vec<(WorkerId, Remedy)> {
        let estimates = &self.estimates;
        let mut remedies = Vec::new();
        for worker in &mut self.workers {
            worker.late = worker.lanes.iter().any(|lane| lane.is_late(now));
            if let Some(remedy) = worker.remedy(now, estimates) {
                remedies.push((worker.id, remedy));
            }
        }
        remedies
    }
}

impl<T: Ticket> WorkerState<T> {
    fn remedy(&self, now: Instant, estimates: &Estimates) -> Option<Remedy> {
        if let Some(since) = self.retired {
            let mut flights = self.lanes.iter().flat_map(|lane| &lane.flights);
            let hopeless = self.in_flight > 0
                && now.saturating_duration_since(since) >= FAREWELL
                && flights.all(|flight| flight.ticket.is_abandoned());
            return hopeless.then_some(Remedy::Kill);
        }
        let stuck = |lane: &&LaneState<T>| lane.is_stuck(now, estimates);
        match self.lanes.iter().filter(stuck).count() {
            0 => None,
            count if count == self.lanes.len() => Some(Remedy::Kill),
            _ => Some(Remedy::Replace),
        }
    }
}

impl<T> LaneState<T> {
    fn is_late(&self, now: Instant) -> bool {
        let deadline = self.flights.front().and_then(|first| first.deadline);
        deadline.is_some_and(|deadline| now > deadline)
    }

    fn is_stuck(&self, now: Instant, estimates: &Estimates) -> bool {
        self.flights.front().is_some_and(|first| {
            let margin = MARGIN.max(estimates.mean(first.class) * MEANS);
            first.deadline.is_some_and(|deadline| {
                // What lay behind a call that was late itself has only just been started.
                now.saturating_duration_since(deadline.max(self.progress)) >= margin
            })
        })
    }
}
