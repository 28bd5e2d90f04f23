//! The metrics port, open from before the load until after the drain.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::Settings;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ServeError;
use crate::health::Health;
use crate::ports::announce;

/// What a probe under way at the very end may still take.
const LAST_GRACE: Duration = Duration::from_millis(200);

/// The metrics server, running.
pub(crate) struct Probes {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The metrics port, reserved.
pub(crate) struct Bound(streeling_metrics::Bound);

impl Bound {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ServeError> {
        streeling_metrics::bind(settings.metrics_address())
            .map(Self)
            .map_err(ServeError::MetricsPort)
    }

    /// Opens the port and answers there until [`Probes::end`].
    pub(crate) fn serve(self, health: Health) -> Result<Probes, ServeError> {
        let port = self.0.listen().map_err(ServeError::MetricsPort)?;
        announce("metrics", port.local_addr());
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ready = Arc::new(move || health.readiness());
            let shutdown = async {
                // Dropped on the way out of a start that failed: the same end.
                let _ = ended.await;
                LAST_GRACE
            };
            port.serve(ready, shutdown).await;
        });
        Ok(Probes { end, task })
    }
}

impl Probes {
    pub(crate) async fn end(self) {
        // Gone already only if its task has panicked, which has been said then.
        let _ = self.end.send(());
        let _ = self.task.await;
    }
}
