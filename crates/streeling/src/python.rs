//! Settings as the worker pools want them.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::{LogLevel, Settings, WorkerPool};
use streeling_core::{Unit, UnitConfig};
use streeling_python::{Pool, PoolConfig, Recycle, StartError, WorkerConfig};

use crate::ports::Units;

/// Headers, names and meta come on top of an answer's payload.
const ENVELOPE: usize = 1 << 20;

/// What a worker has at least, when the server ends, to end in order: nothing lies on it any more.
const LAST_GRACE: Duration = Duration::from_millis(500);

/// Starts of a worker in a row that may fail; with the pauses between them, some six seconds.
const TRIES: u32 = 7;

/// Who answers on which port.
pub(crate) enum Pools {
    /// Each transport has workers of its own, if it is served at all.
    Separate {
        rest: Option<Pool>,
        grpc: Option<Pool>,
    },
    /// All workers answer both.
    Shared(Pool),
}

impl Pools {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (rest, grpc) = (&settings.rest, &settings.grpc);
        match settings.workers.pool {
            WorkerPool::Separate => Self::Separate {
                rest: (rest.workers > 0).then(|| pool(settings, 0, rest.workers, rest.threads)),
                grpc: (grpc.workers > 0)
                    .then(|| pool(settings, rest.workers, grpc.workers, grpc.threads)),
            },
            WorkerPool::Shared => Self::Shared(pool(
                settings,
                0,
                rest.workers.max(grpc.workers),
                rest.threads.max(grpc.threads),
            )),
        }
    }

    pub(crate) fn units(&self, config: &UnitConfig) -> Units {
        let unit = |pool: &Pool| Unit::new(Arc::new(pool.clone()), config.clone());
        match self {
            Self::Separate { rest, grpc } => Units {
                rest: rest.as_ref().map(unit),
                grpc: grpc.as_ref().map(unit),
            },
            Self::Shared(pool) => Units {
                rest: Some(unit(pool)),
                grpc: Some(unit(pool)),
            },
        }
    }

    /// Starts all workers at the same time.
    pub(crate) async fn start(&self) -> Result<(), StartError> {
        match self {
            Self::Separate { rest, grpc } => {
                tokio::try_join!(start(rest.as_ref()), start(grpc.as_ref()))?;
                Ok(())
            }
            Self::Shared(pool) => pool.start().await,
        }
    }

    pub(crate) async fn stop(&self, grace: Duration) {
        let grace = grace.max(LAST_GRACE);
        match self {
            Self::Separate { rest, grpc } => {
                tokio::join!(stop(rest.as_ref(), grace), stop(grpc.as_ref(), grace));
            }
            Self::Shared(pool) => pool.stop(grace).await,
        }
    }
}

async fn start(pool: Option<&Pool>) -> Result<(), StartError> {
    match pool {
        Some(pool) => pool.start().await,
        None => Ok(()),
    }
}

async fn stop(pool: Option<&Pool>, grace: Duration) {
    if let Some(pool) = pool {
        pool.stop(grace).await;
    }
}

/// Workers that take the slots from `first` on.
fn pool(settings: &Settings, first: u32, workers: u32, threads: u32) -> Pool {
    let largest = settings.rest.max_body.max(settings.grpc.max_message);
    Pool::new(PoolConfig {
        worker: WorkerConfig {
            python: settings.python.interpreter.clone(),
            app_dir: settings.python.app_dir.clone(),
            module: settings.interface.module.clone(),
            class: settings.interface.class.clone(),
            parameters: settings.parameters.to_python_json(),
            metadata: settings.model_metadata.clone(),
            unit_id: settings.identity.unit.clone(),
            image: settings.identity.image.clone(),
            threads: threads as usize,
            log_level: match settings.log.level {
                LogLevel::Debug => "DEBUG",
                LogLevel::Info => "INFO",
                LogLevel::Warning => "WARNING",
                LogLevel::Error => "ERROR",
            },
        },
        first: first as usize,
        workers: workers as usize,
        max_queue: settings.workers.max_queue as usize,
        max_answer: largest.saturating_add(ENVELOPE),
        recycle: (settings.workers.max_requests > 0).then_some(Recycle {
            after: settings.workers.max_requests,
            jitter: settings.workers.max_requests_jitter,
        }),
        tries: TRIES,
    })
}
