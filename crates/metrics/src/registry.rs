//! What components have reported, for whoever reports and whoever reads.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use streeling_core::{Method, Metric, MetricKind, Observer};
use streeling_net::Offload;

use crate::labels::{Identity, Labels};
use crate::store::{Dropped, Store, Which};
use crate::text;

/// Every metric that components reported to it, from the first answer on.
///
/// It is bounded: 25,000 samples (a timer is 53 of them) and 16 MiB of text. What comes beyond that,
/// and what Prometheus would refuse, is counted in `streeling_metrics_dropped_total` by reason; the
/// log has one warning for each reason.
pub struct Registry {
    store: Mutex<Store>,
    offload: Offload,
}

impl Registry {
    /// An empty one, whose series are labelled with this identity.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let store = Store::new(Labels::new(identity), &[text::DROPPED]);
        Self {
            store: Mutex::new(store),
            offload: Offload::new(),
        }
    }

    /// Everything in Prometheus' text format.
    pub async fn text(&self) -> Bytes {
        // Reports wait for a copy of the numbers, not for their text.
        let shown = self.store().shown();
        let bytes = shown.bytes;
        self.offload
            .run(bytes, move || text::write(&shown).into())
            .await
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
        // A value more or less is all that a panic can leave behind.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Registry {
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
