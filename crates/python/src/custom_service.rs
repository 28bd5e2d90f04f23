//! The component's own server, `custom_service()`, in a process of its own.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::component::WorkerConfig;
use crate::error::StartError;
use crate::generation::Generation;
use crate::methods::Methods;
use crate::pool::Pool;
use crate::process::Process;
use crate::slot::WorkerSlot;
use crate::worker::Starting;

/// The first pause before a service that failed is started again; it doubles with each failure in a
/// row.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the system may take to end a process that is killed.
const KILLED_WITHIN: Duration = Duration::from_secs(1);

/// A service that has run for so long does not count as a failure in a row.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// A process that loads the component and runs its `custom_service()`. It is started again when it
/// fails, and not when it returns. Dropping this kills it.
#[derive(Debug)]
pub struct CustomService {
    stop: watch::Sender<Option<Duration>>,
    supervisor: JoinHandle<()>,
}

impl Pool {
    /// Starts the component's own server in a process beside the workers, if the class defines one;
    /// `None` also before the component has been loaded. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start_service(&self) -> Option<CustomService> {
        let methods = self.shared.component.methods();
        let has_one = methods.is_ok_and(Methods::has_service);
        has_one.then(|| {
            CustomService::start(self.shared.generation(), self.shared.config.slots.take())
        })
    }
}

impl CustomService {
    fn start(generation: Generation, slot: WorkerSlot) -> Self {
        // It takes no requests.
        let config = WorkerConfig {
            threads: 0,
            threads_are_default: false,
            serves: "custom_service",
        };
        let (stop, stopped) = watch::channel(None);
        let supervisor = tokio::spawn(supervise(generation, config, slot, stopped));
        Self { stop, supervisor }
    }

    /// Sends the process SIGTERM, also while it still loads, and kills it when it has not ended
    /// after `grace`. It has ended when this is ready. Where this is not waited for to the end, it
    /// may be called again, and not after that.
    pub async fn stop(&mut self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        // It fails only after a panic, which has been logged.
        let _ = (&mut self.supervisor).await;
    }
}

/// Ready when the service is to end, with the grace.
async fn stopped(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

async fn supervise(
    generation: Generation,
    config: WorkerConfig,
    slot: WorkerSlot,
    mut stop: watch::Receiver<Option<Duration>>,
) {
    let worker = slot.number;
    let mut pause = FIRST_PAUSE;
    loop {
        let since = Instant::now();
        let started = tokio::select! {
            started = generation.start(&config, worker) => started,
            _ = stopped(&mut stop) => return,
        };
        let ended = match started {
            Ok(mut starting) => tokio::select! {
                ended = run(&mut starting, &generation, &config, worker) => ended,
                grace = stopped(&mut stop) => return end(&mut starting.process, grace).await,
            },
            Err(error) => Err(error),
        };
        match ended {
            Ok(status) if status.success() => {
                tracing::info!(worker, "custom_service has ended");
                return;
            }
            Ok(status) => tracing::error!(worker, "custom_service failed: {status}"),
            Err(error) => tracing::error!(worker, "custom_service not started: {error}"),
        }
        if since.elapsed() >= STABLE_AFTER {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped(&mut stop) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Loads the component in the process, and waits for its end.
async fn run(
    starting: &mut Starting,
    generation: &Generation,
    config: &WorkerConfig,
    worker: usize,
) -> Result<ExitStatus, StartError> {
    let component = generation.config();
    starting.load(component, config, worker).await?;
    tracing::info!(worker, "custom_service runs");
    Ok(starting.process.wait().await?)
}

async fn end(process: &mut Process, grace: Duration) {
    process.terminate();
    if tokio::time::timeout(grace, process.wait()).await.is_err() {
        tracing::warn!("custom_service is killed: it did not end within {grace:?}");
        process.kill();
        // It may hold a port, which the next one needs.
        let _ = tokio::time::timeout(KILLED_WITHIN, process.wait()).await;
    }
}
