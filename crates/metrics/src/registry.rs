//! What a scrape shows, for whoever reports and whoever reads.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use streeling_core::{
    Answered, Call, Figures, Headers, Method, Metric, MetricKind, Observer, Trace, Transport,
};
use streeling_net::Offload;

use crate::labels::{Identity, Labels};
use crate::process::{self, WorkerProcess};
use crate::requests::Requests;
use crate::store::{Dropped, Store, Which};
use crate::text::{self, Format, Page};

/// Every metric that components reported to it, from the first answer on, and the server's own figures.
///
/// What components report is bounded: 25,000 samples (a timer is 53 of them) and 16 MiB of text. What comes beyond that,
/// and what Prometheus would refuse, is counted in `streeling_metrics_dropped_total` by reason; the
/// log has one warning for each reason.
pub struct Registry {
    store: Mutex<Store>,
    requests: Requests,
    sources: Mutex<Vec<Figures>>,
    processes: Mutex<Option<Processes>>,
    offload: Offload,
}

/// Says which processes are workers; asked at every scrape, so it waits for nobody.
pub type Processes = Arc<dyn Fn() -> Vec<WorkerProcess> + Send + Sync>;

impl Registry {
    /// An empty one, whose series are labelled with this identity.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let store = Store::new(Labels::new(identity));
        Self {
            store: Mutex::new(store),
            requests: Requests::new(),
            sources: Mutex::default(),
            processes: Mutex::default(),
            offload: Offload::new(),
        }
    }

    /// Shows the figures of a part of the server, too.
    pub fn show(&self, figures: Figures) {
        lock(&self.sources).push(figures);
    }

    /// Shows what workers take of the machine, too.
    pub fn show_processes(&self, processes: Processes) {
        *lock(&self.processes) = Some(processes);
    }

    /// Everything, as text in this format.
    pub(crate) async fn text(&self, format: Format) -> Bytes {
        // Reports wait for a copy of the numbers, not for their text.
        let mut page = Page {
            reported: self.store().shown(),
            counted: self.requests.gather(),
            exemplars: self.requests.exemplars(),
            figures: Vec::new(),
        };
        for figures in &*lock(&self.sources) {
            figures(&mut page.figures);
        }
        let workers = lock(&self.processes).as_ref().map(|processes| processes());
        let write = move || {
            process::figures(&workers.unwrap_or_default(), &mut page.figures);
            text::write(&page, format).into()
        };
        // It reads files, if only the kernel's, whatever the length of the text.
        self.offload.run(usize::MAX, write).await
    }

    fn record(&self, which: Which<'_>, value: f64) {
        let recorded = self.store().record(which, value);
        if let Err(Dropped {
            reason,
            first: true,
        }) = recorded
        {
            tracing::warn!(
                "metric {:?} ({}) is not shown: {}; from now on such are only counted, in {}",
                which.key,
                which.kind.name(),
                reason.text(),
                text::DROPPED
            );
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A value more or less is all that a panic can leave behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Registry {
    fn begun(&self, transport: &'static Transport, _: Headers<'_>) -> Option<Trace> {
        self.requests.begun(transport);
        None
    }

    fn answered(&self, call: &Call, answer: &Answered) {
        self.requests.answered(call, answer);
    }

    fn reported(&self, method: Method, worker: Option<usize>, metrics: &[Metric]) {
        for metric in metrics {
            let which = Which {
                kind: metric.kind,
                key: &metric.key,
                tags: metric.tags.as_ref(),
                method,
                // A component without workers is one.
                worker: worker.unwrap_or(0),
            };
            self.record(which, metric.value.as_f64());
        }
    }

    fn rewarded(&self, worker: Option<usize>, reward: f32) {
        for (key, value) in [(text::FEEDBACK, 1.0), (text::REWARD, reward.into())] {
            let which = Which {
                kind: MetricKind::Counter,
                key,
                tags: None,
                method: Method::SendFeedback,
                worker: worker.unwrap_or(0),
            };
            self.record(which, value);
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}
