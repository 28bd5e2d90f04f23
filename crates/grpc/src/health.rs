//! What the health service says.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Between the status that says that the server ends and the end of the streams that watch it.
const LAST_STATUS: Duration = Duration::from_millis(100);

/// Keeps the health service up to date, about the server and about each of its services: SERVING
/// while the server is healthy and not draining.
pub(crate) struct Health {
    reporter: HealthReporter,
    services: BTreeSet<&'static str>,
    draining: watch::Sender<bool>,
    follower: JoinHandle<()>,
}

impl Health {
    /// Follows `healthy` in a task that ends with this.
    pub(crate) fn new(
        reporter: HealthReporter,
        mut services: BTreeSet<&'static str>,
        healthy: watch::Receiver<bool>,
    ) -> Self {
        // The server as a whole.
        services.insert("");
        let (draining, is_draining) = watch::channel(false);
        let follower = follow(reporter.clone(), services.clone(), healthy, is_draining);
        Self {
            reporter,
            services,
            draining,
            follower: tokio::spawn(follower),
        }
    }

    /// Follows something else from now on.
    pub(crate) fn follow(&mut self, healthy: watch::Receiver<bool>) {
        self.follower.abort();
        let services = self.services.clone();
        let is_draining = self.draining.subscribe();
        let follower = follow(self.reporter.clone(), services, healthy, is_draining);
        self.follower = tokio::spawn(follower);
    }

    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn follow(
    mut reporter: HealthReporter,
    services: BTreeSet<&'static str>,
    mut healthy: watch::Receiver<bool>,
    mut draining: watch::Receiver<bool>,
) {
    loop {
        let is_draining = *draining.borrow_and_update();
        let status = if *healthy.borrow_and_update() && !is_draining {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in &services {
            reporter.set_service_status(service, status).await;
        }
        if is_draining {
            break;
        }
        tokio::select! {
            Ok(()) = healthy.changed() => {}
            Ok(()) = draining.changed() => {}
            // It stays as it is: both senders are gone.
            else => return,
        }
    }
    // Watchers see the last status and then the end of their streams, which must not hold the
    // drain.
    sleep(LAST_STATUS).await;
    for service in &services {
        reporter.clear_service_status(service).await;
    }
}
