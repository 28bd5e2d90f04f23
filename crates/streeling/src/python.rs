//! Settings as the worker pools want them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use streeling_config::{LogLevel, Settings, WorkerPool};
use streeling_core::{Unit, UnitConfig};
use streeling_python::{Pool, PoolConfig, Recycle, StartError, WorkerConfig};
use tokio::sync::watch;

use crate::control::{Control, Orders};
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
        let mut pools = self.all().map(|pool| pool.stop(grace));
        match (pools.next(), pools.next()) {
            (Some(one), Some(other)) => {
                tokio::join!(one, other);
            }
            (Some(one), None) => one.await,
            _ => {}
        }
    }

    /// Workers that serve, of each pool.
    pub(crate) fn live(&self) -> Vec<watch::Receiver<usize>> {
        self.all().map(Pool::live).collect()
    }

    /// Waits until a pool has given up.
    pub(crate) async fn failed(&self) -> StartError {
        let mut pools = self.all().map(Pool::failed);
        match (pools.next(), pools.next()) {
            (Some(one), Some(other)) => tokio::select! {
                error = one => error,
                error = other => error,
            },
            (Some(one), None) => one.await,
            _ => std::future::pending().await,
        }
    }

    /// Carries out what is ordered while the server serves.
    pub(crate) async fn obey(&self, mut control: Control) -> Infallible {
        let mut done = Orders::default();
        loop {
            let orders = control.ordered(done).await;
            if orders.more != done.more {
                self.resize(orders.more - done.more).await;
            }
            if orders.reloads != done.reloads {
                self.reload().await;
            }
            done = orders;
        }
    }

    /// One pool after the other: two copies of every model at the same time are more than enough, and
    /// what one pool could not load, the other need not try.
    async fn reload(&self) {
        for pool in self.all() {
            if let Err(error) = pool.reload().await {
                tracing::error!("not reloaded, the workers that are there go on: {error}");
                return;
            }
        }
        tracing::info!("all workers are reloaded");
    }

    async fn resize(&self, by: i64) {
        for pool in self.all() {
            let before = pool.workers();
            let wanted = usize::try_from(by.saturating_add_unsigned(before as u64))
                .unwrap_or(0)
                .max(1);
            match pool.resize(wanted).await {
                Ok(()) => tracing::info!("{wanted} workers in place of {before}"),
                Err(error) => tracing::error!("{wanted} workers cannot be had: {error}"),
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Pool> {
        let (one, other) = match self {
            Self::Separate { rest, grpc } => (rest.as_ref(), grpc.as_ref()),
            Self::Shared(pool) => (Some(pool), None),
        };
        one.into_iter().chain(other)
    }
}

async fn start(pool: Option<&Pool>) -> Result<(), StartError> {
    match pool {
        Some(pool) => pool.start().await,
        None => Ok(()),
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
