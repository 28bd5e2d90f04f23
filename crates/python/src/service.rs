//! The component's own server, `custom_service()`, in a process of its own.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::pool::{Pool, PoolConfig};
use crate::slots::Slot;
use crate::worker::{Methods, Process, Worker, WorkerConfig};

/// The first pause before a service that failed is started again; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A service that has run for so long is not part of a row of failures.
const STEADY: Duration = Duration::from_secs(30);

/// A process that loads the component and runs its `custom_service()`. It is started again when it fails;
/// one that returns has done what it wanted. Dropping this kills it.
#[derive(Debug)]
pub struct Service {
    stop: watch::Sender<Option<Duration>>,
    keeper: JoinHandle<()>,
}

impl Pool {
    /// Starts the component's own server in a process beside the workers, if the class defines one; `None` before
    /// the load has ended, too. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start_service(&self) -> Option<Service> {
        let has_one = self.methods().is_ok_and(Methods::has_service);
        has_one.then(|| {
            let PoolConfig { worker, slots, .. } = &self.shared.config;
            Service::start(worker.clone(), slots.take())
        })
    }
}

impl Service {
    fn start(config: WorkerConfig, slot: Slot) -> Self {
        // It takes no requests.
        let config = WorkerConfig {
            threads: 0,
            ..config
        };
        let (stop, stopped) = watch::channel(None);
        let keeper = tokio::spawn(keep(config, slot, stopped));
        Self { stop, keeper }
    }

    /// Asks the process to end, with SIGTERM, and kills it when it has not after `grace`.
    pub async fn stop(self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        // It can only have panicked, which has been said then.
        let _ = self.keeper.await;
    }
}

/// Ready when the service is to end; gives the grace.
async fn stopped(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

async fn keep(config: WorkerConfig, place: Slot, mut stop: watch::Receiver<Option<Duration>>) {
    let slot = place.number;
    let mut pause = FIRST_PAUSE;
    loop {
        let since = Instant::now();
        let started = tokio::select! {
            started = Worker::start(&config, slot) => started,
            _ = stopped(&mut stop) => return,
        };
        match started {
            Ok(mut worker) => {
                tracing::info!(worker = slot, "custom_service runs");
                let status = tokio::select! {
                    status = worker.process.wait() => status,
                    grace = stopped(&mut stop) => return end(&mut worker.process, grace).await,
                };
                match status {
                    Ok(status) if status.success() => {
                        tracing::info!(worker = slot, "custom_service has ended");
                        return;
                    }
                    Ok(status) => tracing::error!(worker = slot, "custom_service failed: {status}"),
                    Err(error) => tracing::error!(worker = slot, "custom_service failed: {error}"),
                }
            }
            Err(error) => tracing::error!(worker = slot, "custom_service not started: {error}"),
        }
        if since.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped(&mut stop) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn end(process: &mut Process, grace: Duration) {
    process.terminate();
    if tokio::time::timeout(grace, process.wait()).await.is_err() {
        tracing::warn!("custom_service is killed: it did not end within {grace:?}");
    }
}
