//! What SIGUSR1 logs: a line for the server, for each worker and each request, then the stacks of
//! the workers that are busy.

#[cfg(feature = "python")]
use tokio::task::JoinSet;

#[cfg(feature = "python")]
use super::Worker;
use super::{Snapshot, seconds};

/// Workers whose stacks are logged.
#[cfg(feature = "python")]
const MOST_STACKS: usize = 32;

impl Snapshot {
    pub(super) fn log(&self) {
        let Self {
            state, all, queued, ..
        } = self;
        tracing::info!("SIGUSR1: {state}; {all} requests are inside, {queued} of them queued");
        #[cfg(feature = "python")]
        for one in &self.workers {
            tracing::info!(
                worker = one.snapshot.slot,
                pid = one.snapshot.pid,
                pool = one.pool,
                in_flight = one.snapshot.in_flight,
                running = one.running.join(" "),
                age_seconds = seconds(one.snapshot.age),
                resident_bytes = one.resident,
                "SIGUSR1: a worker is {}",
                one.snapshot.state
            );
        }
        for one in &self.requests {
            tracing::info!(
                request_id = one.id.as_ref().map(tracing::field::display),
                transport = one.transport,
                method = one.method,
                shape = one.shape.as_ref().map(tracing::field::display),
                bytes = one.bytes,
                age_seconds = seconds(one.age),
                pool = one.pool,
                worker = one.thread.map(|(worker, _)| worker),
                thread = one.thread.map(|(_, thread)| thread),
                "SIGUSR1: a request {}{}",
                match one.stage {
                    "component" => "is in the component",
                    "queue" => "is queued",
                    "receive" => "is being received",
                    "decode" => "is being decoded",
                    _ => "is being encoded",
                },
                if one.is_abandoned {
                    ", and its caller has given up"
                } else {
                    ""
                }
            );
        }
        if let Some(left @ 1..) = self.all.checked_sub(self.requests.len()) {
            tracing::info!("SIGUSR1: {left} younger requests are left out");
        }
    }

    #[cfg(feature = "python")]
    pub(super) async fn log_stacks(self) {
        let workers = self.workers.into_iter();
        let mut busy: Vec<_> = workers.filter(|one| one.snapshot.in_flight > 0).collect();
        let left = busy.len().saturating_sub(MOST_STACKS);
        busy.truncate(MOST_STACKS);
        let mut logs = JoinSet::new();
        for Worker { snapshot, .. } in busy {
            logs.spawn(async move {
                let stacks = snapshot.stacks().await;
                let (worker, pid) = (snapshot.slot, snapshot.pid);
                tracing::info!(worker, pid, "SIGUSR1: the worker's stacks:\n{stacks}");
            });
        }
        while logs.join_next().await.is_some() {}
        if left > 0 {
            tracing::info!("SIGUSR1: the stacks of {left} more workers are left out");
        }
    }

    #[cfg(not(feature = "python"))]
    pub(super) async fn log_stacks(self) {}
}
