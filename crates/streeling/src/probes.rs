//! The metrics port, open from before the load until after the drain.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::Settings;
use streeling_core::{MetricSource, Observer, Sample};
use streeling_metrics::{Identity, Pages, Registry};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::access::{Access, HTTP1};
use crate::error::ServeError;
use crate::health::Health;
use crate::log::announce;
use crate::observability::Observability;

/// Time for a response that is in flight at the very end.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// The metrics server, running.
pub(crate) struct Probes {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The metrics port, reserved.
pub(crate) struct Bound {
    port: streeling_net::Bound,
    access: Access,
    endpoint: Arc<str>,
    registry: Arc<Registry>,
}

impl Bound {
    pub(crate) fn new(settings: &Settings, access: Access) -> Result<Self, ServeError> {
        let port =
            streeling_net::bind(settings.metrics_address()).map_err(ServeError::MetricsPort)?;
        let identity = settings.identity.clone();
        let registry = Registry::new(&Identity {
            deployment: identity.deployment,
            unit: identity.unit,
            image: identity.image,
            predictor: identity.predictor,
            predictor_version: identity.labels.get("version").cloned(),
        });
        Ok(Self {
            port,
            access,
            endpoint: settings.metrics.endpoint.as_str().into(),
            registry: Arc::new(registry),
        })
    }

    /// Counts requests and keeps the metrics that the component reports.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::<Registry>::clone(&self.registry)
    }

    /// Adds to what Prometheus scrapes.
    pub(crate) fn add_source(&self, source: MetricSource) {
        self.registry.add_source(source);
    }

    /// Everything that Prometheus scrapes.
    #[cfg(feature = "python")]
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Opens the port and serves there until [`Probes::stop`].
    pub(crate) fn serve(
        self,
        health: Health,
        observability: &Observability,
    ) -> Result<Probes, ServeError> {
        let port = self.port.listen().map_err(ServeError::MetricsPort)?;
        announce("metrics", self.access.scheme(), port.local_addr());
        self.registry.add_source(server_metrics(health.clone()));
        for source in observability.metric_sources() {
            self.registry.add_source(source);
        }
        let observers = observability.of_scrapes().into_iter().collect();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let pages = Pages {
                ready: Arc::new(move || health.readiness()),
                endpoint: self.endpoint,
                registry: self.registry,
                observers,
            };
            let shutdown = async {
                // A sender that is dropped, where a start fails, stops it as well.
                let _ = stopped.await;
                DRAIN_TIMEOUT
            };
            self.access.serve(port, pages, HTTP1, shutdown).await;
        });
        Ok(Probes { stop, task })
    }
}

/// The metrics of the server as a whole.
fn server_metrics(health: Health) -> MetricSource {
    Arc::new(move |out| {
        out.push(Sample {
            name: "streeling_build_info",
            help: "The version that runs; the value is always 1.",
            labels: vec![("version", env!("CARGO_PKG_VERSION").into())],
            value: 1.0,
        });
        out.push(Sample {
            name: "streeling_ready",
            help: "Whether requests can be taken, as /ready says: 1 or 0.",
            labels: Vec::new(),
            value: if health.readiness().is_ok() { 1.0 } else { 0.0 },
        });
    })
}

impl Probes {
    pub(crate) async fn stop(self) {
        // It is gone only if its task has panicked, which has been logged.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
