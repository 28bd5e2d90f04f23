//! Which requests have run past their deadlines.

use std::time::{Duration, Instant};

use super::{Dispatcher, InFlight, Responder, WorkerId};

/// A worker whose requests are late is reported at most so often: one hang makes all requests
/// behind it late, and so does a caller whose deadlines are shorter than any call.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(10);

impl<P, R: Responder> Dispatcher<P, R> {
    /// Workers that run a request which is past its deadline and has not been reported.
    pub(crate) fn newly_late(&mut self, now: Instant) -> Vec<WorkerId> {
        let mut late = Vec::new();
        for worker in &mut self.workers {
            let is_recent = |at| now.saturating_duration_since(at) < REPORT_INTERVAL;
            if worker.last_report.is_some_and(is_recent) {
                continue;
            }
            let connections = worker.connections.iter_mut();
            let first = connections.filter_map(|one| one.in_flight.front_mut());
            let mut is_late = false;
            for request in first.filter(|request| !request.is_reported && request.is_late(now)) {
                request.is_reported = true;
                is_late = true;
            }
            if is_late {
                worker.last_report = Some(now);
                late.push(worker.id);
            }
        }
        late
    }
}

impl<R> InFlight<R> {
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}
