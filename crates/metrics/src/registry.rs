//! The registry: the observer that collects metrics, and the source of every scrape.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use streeling_core::{
    Headers, Method, Metric, MetricKind, MetricSource, Observer, Outcome, RequestContext, Trace,
    Transport,
};
use streeling_net::Offload;

use crate::labels::{Identity, Labels};
use crate::process::{self, WorkerProcess};
use crate::requests::{MethodSummary, Requests};
use crate::sampled;
use crate::series_key::SeriesKey;
use crate::store::{DROPPED, Dropped, FEEDBACK, REWARD, Store};
use crate::text::{self, Format};

/// The metrics that components report, the server's own metrics of requests, and those of other
/// metric sources.
///
/// What components report is bounded: 25,000 samples (a timer is 53 of them) and 16 MiB of text.
/// Values beyond that, and those that Prometheus would refuse, are dropped and counted in
/// `streeling_metrics_dropped_total` by reason; the log has one warning for each reason.
pub struct Registry {
    store: Mutex<Store>,
    requests: Requests,
    sources: Mutex<Vec<MetricSource>>,
    processes: Mutex<Option<WorkerProcesses>>,
    offload: Offload,
}

/// Lists the worker processes. It is called at every scrape, and must not block.
pub type WorkerProcesses = Arc<dyn Fn() -> Vec<WorkerProcess> + Send + Sync>;

impl Registry {
    /// An empty registry. The series of components are labelled with this identity.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let store = Store::new(Labels::new(identity));
        Self {
            store: Mutex::new(store),
            requests: Requests::default(),
            sources: Mutex::default(),
            processes: Mutex::default(),
            offload: Offload::new(),
        }
    }

    /// Adds a metric source, whose samples every scrape contains from now on.
    pub fn add_source(&self, source: MetricSource) {
        lock(&self.sources).push(source);
    }

    /// Sets the list of worker processes, whose CPU time and memory every scrape contains from now
    /// on.
    pub fn set_worker_processes(&self, processes: WorkerProcesses) {
        *lock(&self.processes) = Some(processes);
    }

    /// What has been counted of requests until now, by their methods. It waits no longer than a
    /// request that is being counted does.
    #[must_use]
    pub fn requests_by_method(&self) -> Vec<MethodSummary> {
        self.requests.by_method()
    }

    /// A scrape in this format: what components report, then the server's own metrics of requests,
    /// then what the metric sources give, each in the order of the names.
    pub(crate) async fn text(self: &Arc<Self>, format: Format) -> Bytes {
        let registry = Arc::clone(self);
        // It always reads files of `/proc`, and sources may have locks to wait for. Probes share
        // this thread and must not wait for either.
        let write = move || registry.write(format);
        self.offload.run(usize::MAX, write).await
    }

    pub(crate) fn write(&self, format: Format) -> Bytes {
        // The text is written from a copy, so that reports do not wait for it.
        let (mut families, dropped) = {
            let store = self.store();
            (store.families(), store.dropped())
        };
        let requests = self.requests.collect();
        let mut samples = Vec::new();
        // Copied, so that a source that waits does not hold up those who add one.
        let sources = lock(&self.sources).clone();
        for source in sources {
            source(&mut samples);
        }
        let processes = lock(&self.processes).clone();
        let workers = processes.map(|processes| processes());
        process::sample(&workers.unwrap_or_default(), &mut samples);
        families.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        families.push(dropped);
        families.extend(requests);
        families.extend(sampled::families(&samples));
        text::write(&families, format).into()
    }

    fn record(&self, key: SeriesKey<'_>, value: f64) {
        let recorded = self.store().record(key, value);
        if let Err(Dropped {
            reason,
            first: true,
        }) = recorded
        {
            tracing::warn!(
                "dropped metric {:?} ({}): {}; further drops for this reason are only counted in \
                 {}",
                key.name,
                key.kind.name(),
                reason.text(),
                DROPPED
            );
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic can leave behind no more than one value too many or too few.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Registry {
    fn started(&self, transport: &'static Transport, _: Headers<'_>) -> Option<Trace> {
        self.requests.started(transport);
        None
    }

    fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        self.requests.finished(request, outcome);
    }

    fn reported(&self, method: Method, worker: Option<usize>, metrics: &[Metric]) {
        for metric in metrics {
            let key = SeriesKey {
                kind: metric.kind,
                name: &metric.key,
                tags: metric.tags.as_ref(),
                method,
                // A component without workers has the label of the first one.
                worker: worker.unwrap_or(0),
            };
            self.record(key, metric.value.as_f64());
        }
    }

    fn rewarded(&self, worker: Option<usize>, reward: f32) {
        for (name, value) in [(FEEDBACK, 1.0), (REWARD, reward.into())] {
            let key = SeriesKey {
                kind: MetricKind::Counter,
                name,
                tags: None,
                method: Method::SendFeedback,
                worker: worker.unwrap_or(0),
            };
            self.record(key, value);
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}
