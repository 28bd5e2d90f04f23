//! What the handles of a pool and the supervisors of its slots share.

use std::sync::{Arc, Mutex};

use streeling_net::Offload;
use tokio::sync::watch;

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
    pub(crate) async fn start_worker(
        &self,
        generation: &Generation,
        slot: usize,
    ) -> Result<Worker, StartError> {
        let worker = generation.start_worker(&self.config.worker, slot).await?;
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
