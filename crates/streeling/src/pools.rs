//! The worker pools, as the settings want them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use streeling_config::{
    InterfaceName, LoadIn, LogLevel, Settings, TraceExporter, Tracing, WorkerPool, WorkerStart,
};
use streeling_core::Budget;
#[cfg(feature = "metrics")]
use streeling_metrics::WorkerProcess;
use streeling_python::{
    ComponentConfig, Generation, Pool, PoolConfig, Recycle, StartError, WorkerConfig, WorkerSlots,
    WorkerTracing, find_interpreter,
};
use streeling_tracing::{ComponentLines, LogFormat};
use tokio::sync::watch;

use crate::descriptors;
use crate::error::ServeError;
use crate::log;

/// Headers, names and meta come on top of a response's payload.
const ENVELOPE: usize = 1 << 20;

/// Time that a worker without requests has at least, when the server stops, to exit by itself.
const LEAST_GRACE: Duration = Duration::from_millis(500);

/// Starts of a worker in a row that may fail; with the pauses between them, some three seconds.
const TRIES: u32 = 7;

/// The pools, by the ports that they serve. Clones share the workers.
#[derive(Clone)]
pub(crate) enum Pools {
    /// Each transport has workers of its own, if it is served at all.
    Separate {
        rest: Option<Pool>,
        grpc: Option<Pool>,
    },
    /// All workers serve both transports.
    Shared(Pool),
}

impl Pools {
    /// The pools that the settings want, not yet started.
    pub(crate) fn new(
        class: &InterfaceName,
        settings: &Settings,
        budget: &Budget,
    ) -> Result<Self, ServeError> {
        let rest = workers(settings, settings.rest.workers);
        let grpc = workers(settings, settings.grpc.workers);
        let (rest_threads, grpc_threads) = (Threads::of_rest(settings), Threads::of_grpc(settings));
        let threads = rest_threads.or_more(grpc_threads);
        let generation = Generation::new(component(class, settings, threads)?);
        let slots = WorkerSlots::default();
        let pool = |serves, workers, threads: Threads| {
            let worker = threads.worker(serves);
            Pool::new(
                config(settings, budget, &slots, workers, worker),
                generation.clone(),
            )
        };
        Ok(match settings.workers.pool {
            WorkerPool::Separate => Self::Separate {
                rest: (rest > 0).then(|| pool("REST", rest, rest_threads)),
                grpc: (grpc > 0).then(|| pool("gRPC", grpc, grpc_threads)),
            },
            WorkerPool::Shared => Self::Shared(pool("REST+gRPC", rest.max(grpc), threads)),
        })
    }

    /// The pool behind the port of REST.
    pub(crate) fn rest(&self) -> Option<&Pool> {
        match self {
            Self::Separate { rest, .. } => rest.as_ref(),
            Self::Shared(pool) => Some(pool),
        }
    }

    /// The pool behind the port of gRPC.
    pub(crate) fn grpc(&self) -> Option<&Pool> {
        match self {
            Self::Separate { grpc, .. } => grpc.as_ref(),
            Self::Shared(pool) => Some(pool),
        }
    }

    /// Starts all workers at the same time.
    pub(crate) async fn start(&self) -> Result<(), StartError> {
        match self {
            Self::Separate { rest, grpc } => {
                tokio::try_join!(start(rest.as_ref()), start(grpc.as_ref()))?;
            }
            Self::Shared(pool) => pool.start().await?,
        }
        Ok(())
    }

    pub(crate) async fn stop(&self, grace: Duration) {
        let grace = grace.max(LEAST_GRACE);
        let mut pools = self.all().map(|pool| pool.stop(grace));
        match (pools.next(), pools.next()) {
            (Some(one), Some(other)) => {
                tokio::join!(one, other);
            }
            (Some(one), None) => one.await,
            _ => {}
        }
    }

    /// Logs what there is to be known of the component, once it is loaded.
    pub(crate) fn describe(&self, settings: &Settings) {
        let all: Vec<_> = self.all().filter_map(Pool::about).collect();
        if let Some(about) = all.first() {
            tracing::info!("workers run {}", about.interpreter());
        }
        for warning in all.first().iter().flat_map(|about| &about.warnings) {
            tracing::warn!("{warning}");
        }
        #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
        if let Some(about) = all.first() {
            crate::oip::warn_of(&about.methods, settings);
        }
        #[cfg(not(all(feature = "oip", any(feature = "rest", feature = "grpc"))))]
        let _ = settings;
        // Whether there is such a limit depends on the pool's threads, too.
        if let Some(limit) = all.iter().find_map(|about| about.one_at_a_time.as_deref()) {
            tracing::info!("{limit}");
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

    /// All pools, that of REST first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pool> {
        self.named().map(|(_, pool)| pool)
    }

    /// All pools, by their names in metrics.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &Pool)> {
        let (one, other) = match self {
            Self::Separate { rest, grpc } => (
                rest.as_ref().map(|pool| ("rest", pool)),
                grpc.as_ref().map(|pool| ("grpc", pool)),
            ),
            Self::Shared(pool) => (Some(("shared", pool)), None),
        };
        one.into_iter().chain(other)
    }

    /// Adds the metrics of the pools and of their processes to a registry.
    #[cfg(feature = "metrics")]
    pub(crate) fn show_to(&self, registry: &streeling_metrics::Registry) {
        let pools: Arc<[(&str, Pool)]> = self
            .named()
            .map(|(name, pool)| (name, pool.clone()))
            .collect();
        let measured = Arc::clone(&pools);
        registry.add_source(Arc::new(move |out| {
            for (name, pool) in &*measured {
                pool.collect_samples(name, out);
            }
        }));
        registry.set_worker_processes(Arc::new(move || {
            let all = pools.iter().flat_map(|(_, pool)| pool.processes());
            all.map(|(worker, pid)| WorkerProcess { worker, pid })
                .collect()
        }));
    }
}

/// The threads of a worker.
#[derive(Clone, Copy)]
struct Threads {
    number: u32,
    /// The number is not set.
    are_default: bool,
}

impl Threads {
    fn of_rest(settings: &Settings) -> Self {
        Self {
            number: settings.rest.threads,
            are_default: settings.rest.threads_are_default,
        }
    }

    fn of_grpc(settings: &Settings) -> Self {
        Self {
            number: settings.grpc.threads,
            are_default: settings.grpc.threads_are_default,
        }
    }

    fn worker(self, serves: &'static str) -> WorkerConfig {
        WorkerConfig {
            threads: self.number as usize,
            threads_are_default: self.are_default,
            serves,
        }
    }

    /// Those of a worker behind both ports.
    fn or_more(self, other: Self) -> Self {
        Self {
            number: self.number.max(other.number),
            are_default: self.are_default && other.are_default,
        }
    }
}

async fn start(pool: Option<&Pool>) -> Result<(), StartError> {
    match pool {
        Some(pool) => pool.start().await,
        None => Ok(()),
    }
}

/// The number of a transport's workers, of which `configured` is the setting: the development
/// server has one, so that successive requests meet the same object.
pub(crate) fn workers(settings: &Settings, configured: u32) -> u32 {
    if settings.development.enabled {
        configured.min(1)
    } else {
        configured
    }
}

/// A single worker, to look at the component in it.
pub(crate) fn one_worker(class: &InterfaceName, settings: &Settings) -> Result<Pool, ServeError> {
    let threads = Threads::of_rest(settings);
    let generation = Generation::new(component(class, settings, threads)?);
    let slots = WorkerSlots::default();
    let budget = Budget::default();
    let config = config(settings, &budget, &slots, 1, threads.worker("check"));
    Ok(Pool::new(config, generation))
}

/// The file to execute. It is looked for before anything is started, since a wrong name is a wrong
/// setting.
fn interpreter(settings: &Settings) -> Result<PathBuf, ServeError> {
    find_interpreter(&settings.python.interpreter).map_err(|error| match error {
        StartError::Spawn { python, source } => ServeError::Interpreter { python, source },
        other => ServeError::Component(other),
    })
}

fn config(
    settings: &Settings,
    budget: &Budget,
    slots: &WorkerSlots,
    workers: u32,
    worker: WorkerConfig,
) -> PoolConfig {
    let largest = settings.rest.max_body.max(settings.grpc.max_message);
    PoolConfig {
        worker,
        slots: slots.clone(),
        workers: workers as usize,
        max_queue: settings.workers.max_queue as usize,
        max_response: largest.saturating_add(ENVELOPE),
        budget: budget.clone(),
        recycle: (settings.workers.max_requests > 0).then_some(Recycle {
            after: settings.workers.max_requests,
            jitter: settings.workers.max_requests_jitter,
        }),
        quarantine: on(settings.recovery.quarantine),
        hang_timeout: hang_timeout(settings),
        worker_memory: settings.recovery.worker_memory,
        tries: TRIES,
        tracebacks: settings.development.enabled,
    }
}

/// How long a call may take. A deadline that is set counts, also where it is longer.
fn hang_timeout(settings: &Settings) -> Option<Duration> {
    let deadlines = [settings.rest.timeout, settings.grpc.timeout];
    let longest = deadlines.into_iter().flatten().max();
    let time = on(settings.recovery.hang_timeout)?;
    Some(time.max(longest.unwrap_or_default()))
}

/// A time of which zero means that it does not count.
fn on(time: Duration) -> Option<Duration> {
    (!time.is_zero()).then_some(time)
}

/// Where the lines of components go: to the streams of this process.
fn output(settings: &Settings) -> Result<Arc<ComponentLines>, ServeError> {
    let lines = ComponentLines::start(log::format(&settings.log));
    Ok(Arc::new(lines.map_err(ServeError::Streams)?))
}

/// What is constructed, for workers of so many threads at most.
fn component(
    class: &InterfaceName,
    settings: &Settings,
    threads: Threads,
) -> Result<ComponentConfig, ServeError> {
    Ok(ComponentConfig {
        python: interpreter(settings)?,
        app_dir: settings.python.app_dir.clone(),
        module: class.module.clone(),
        class: class.class.clone(),
        parameters: settings.component.parameters.to_python_json(),
        metadata: settings.deployment.model_metadata.clone(),
        image: settings.identity.image.clone(),
        threads: threads.number as usize,
        log_level: match settings.log.level {
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warning => "WARNING",
            LogLevel::Error => "ERROR",
        },
        max_decoded: settings.workers.max_decoded,
        max_files: descriptors::limit_before(),
        log_as_json: log::format(&settings.log) == LogFormat::Json,
        start_timeout: on(settings.recovery.hang_timeout),
        output: output(settings)?,
        metrics_in_response: settings.metrics.in_response,
        tracing: settings.tracing.as_ref().map(tracing),
        start: match settings.workers.start {
            WorkerStart::Auto => streeling_python::WorkerStart::Auto,
            WorkerStart::Fork => streeling_python::WorkerStart::Fork,
            WorkerStart::Spawn => streeling_python::WorkerStart::Spawn,
        },
        load_in: match settings.workers.load_in {
            LoadIn::Worker => streeling_python::LoadIn::Worker,
            LoadIn::Template => streeling_python::LoadIn::Template,
        },
    })
}

fn tracing(settings: &Tracing) -> WorkerTracing {
    WorkerTracing {
        service: settings.service.clone(),
        agent: match &settings.exporter {
            TraceExporter::Jaeger(agent) => Some((agent.host.clone(), agent.port)),
            TraceExporter::Otlp(_) => None,
        },
        tags: settings.tags.clone(),
    }
}
