//! The metrics port, open from before the load until after the drain.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::Settings;
use streeling_core::{Figure, Figures, Observer};
use streeling_metrics::{Identity, Pages, Registry};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ServeError;
use crate::health::Health;
use crate::ports::announce;
use crate::told::Told;

/// What an answer under way at the very end may still take.
const LAST_GRACE: Duration = Duration::from_millis(200);

/// The metrics server, running.
pub(crate) struct Probes {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The metrics port, reserved.
pub(crate) struct Bound {
    port: streeling_metrics::Bound,
    endpoint: Arc<str>,
    registry: Arc<Registry>,
}

impl Bound {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ServeError> {
        let port =
            streeling_metrics::bind(settings.metrics_address()).map_err(ServeError::MetricsPort)?;
        let told = settings.identity.clone();
        let registry = Registry::new(&Identity {
            deployment: told.deployment,
            unit: told.unit,
            image: told.image,
            predictor: told.predictor,
            predictor_version: told.labels.get("version").cloned(),
        });
        Ok(Self {
            port,
            endpoint: settings.metrics.endpoint.as_str().into(),
            registry: Arc::new(registry),
        })
    }

    /// Who counts requests and keeps what the component reports.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::<Registry>::clone(&self.registry)
    }

    /// What is shown to Prometheus.
    #[cfg(feature = "python")]
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Opens the port and answers there until [`Probes::end`].
    pub(crate) fn serve(self, health: Health, told: &Told) -> Result<Probes, ServeError> {
        let port = self.port.listen().map_err(ServeError::MetricsPort)?;
        announce("metrics", port.local_addr());
        self.registry.add_source(about(health.clone()));
        for figures in told.figures() {
            self.registry.add_source(figures);
        }
        let observers = told.of_scrapes().into_iter().collect();
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let pages = Pages {
                ready: Arc::new(move || health.readiness()),
                endpoint: self.endpoint,
                registry: self.registry,
                observers,
            };
            let shutdown = async {
                // Dropped on the way out of a start that failed: the same end.
                let _ = ended.await;
                LAST_GRACE
            };
            port.serve(pages, shutdown).await;
        });
        Ok(Probes { end, task })
    }
}

/// What is true of the server as a whole.
fn about(health: Health) -> Figures {
    Arc::new(move |out| {
        out.push(Figure {
            name: "streeling_build_info",
            help: "The version that runs; the value is always 1.",
            labels: vec![("version", env!("CARGO_PKG_VERSION").into())],
            value: 1.0,
        });
        out.push(Figure {
            name: "streeling_ready",
            help: "Whether requests can be taken, as /ready says: 1 or 0.",
            labels: Vec::new(),
            value: if health.readiness().is_ok() { 1.0 } else { 0.0 },
        });
    })
}

impl Probes {
    pub(crate) async fn end(self) {
        // Gone already only if its task has panicked, which has been said then.
        let _ = self.end.send(());
        let _ = self.task.await;
    }
}
