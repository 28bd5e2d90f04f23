//! What the handles of a pool and the supervisors of its slots share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use streeling_net::{Offload, Seldom};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::config::PoolConfig;
use crate::error::StartError;
use crate::generation::Generation;
use crate::loaded::LoadedComponent;
use crate::lock::lock;
use crate::memory;
use crate::quarantine::Quarantine;
use crate::registry::Registry;
use crate::statistics::Statistics;
use crate::worker::Worker;

/// The pause before a start is tried again for which the system lacked something; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// For how long it is tried again where something waits for the worker: the start of the server, a
/// reload, more workers.
pub(crate) const LACK_TIMEOUT: Duration = Duration::from_secs(30);

/// The state of a pool.
pub(crate) struct Shared {
    pub(crate) config: PoolConfig,
    /// Where new workers come from.
    generation: Mutex<Generation>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) statistics: Statistics,
    pub(crate) component: LoadedComponent,
    /// Reads large replies, not where bytes are moved.
    pub(crate) offload: Offload,
    pub(crate) quarantine: Quarantine,
    /// Lines of the log on what the system lacks.
    lacks: Seldom,
    /// The pool is to be stopped.
    pub(crate) stop: watch::Sender<bool>,
    /// The pool has given up.
    pub(crate) failure: watch::Sender<Option<Failure>>,
}

/// Why a pool has given up.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) slot: usize,
    pub(crate) tries: u32,
    pub(crate) last: Arc<StartError>,
}

impl Shared {
    pub(crate) fn new(config: PoolConfig, generation: Generation) -> Self {
        Self {
            registry: Arc::new(Registry::new(config.max_queue, config.hang_timeout)),
            statistics: Statistics::default(),
            component: LoadedComponent::default(),
            offload: Offload::new(),
            quarantine: Quarantine::new(config.quarantine),
            lacks: Seldom::default(),
            stop: watch::Sender::new(false),
            failure: watch::Sender::new(None),
            generation: Mutex::new(generation),
            config,
        }
    }

    /// Where new workers come from.
    pub(crate) fn generation(&self) -> Generation {
        lock(&self.generation).clone()
    }

    /// A worker of this slot, which has loaded the component and takes no more memory than it may.
    /// While the system lacks what a process takes it is tried again, for as long as `timeout`,
    /// `None` without end.
    pub(crate) async fn start_worker(
        &self,
        generation: &Generation,
        slot: usize,
        timeout: Option<Duration>,
    ) -> Result<Worker, StartError> {
        let mut lacks_since = None;
        let mut pause = FIRST_PAUSE;
        let worker = loop {
            match generation.start_worker(&self.config.worker, slot).await {
                Err(error @ StartError::Lack { .. })
                    if timeout.is_none_or(|timeout| {
                        lacks_since.get_or_insert_with(Instant::now).elapsed() < timeout
                    }) =>
                {
                    self.statistics.record_start_delay();
                    if let Some(more) = self.lacks.now() {
                        tracing::error!(
                            worker = slot,
                            more,
                            "cannot start a worker yet; trying again at least every \
                             {LONGEST_PAUSE:?}: {error}"
                        );
                    }
                }
                started => break started?,
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        if let Some(limit) = self.config.worker_memory
            && let Some(resident) = memory::resident(worker.process.id())
            && resident > limit
        {
            // It would be replaced again and again.
            return Err(StartError::Memory { resident, limit });
        }
        Ok(worker)
    }

    /// New workers come from here from now on.
    pub(crate) fn set_generation(&self, generation: Generation) {
        *lock(&self.generation) = generation;
    }

    /// Ready when the pool is to be stopped.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}
