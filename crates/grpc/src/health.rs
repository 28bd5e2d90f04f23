//! What the health service says.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::FutureExt as _;
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
    healthy: watch::Receiver<bool>,
    draining: watch::Sender<bool>,
    follower: OnceLock<JoinHandle<()>>,
}

impl Health {
    /// Follows `healthy` from [`Health::start`] on, until this is dropped.
    pub(crate) fn new(
        reporter: HealthReporter,
        mut services: BTreeSet<&'static str>,
        healthy: watch::Receiver<bool>,
    ) -> Self {
        // The server as a whole.
        services.insert("");
        Self {
            reporter,
            services,
            healthy,
            draining: watch::Sender::new(false),
            follower: OnceLock::new(),
        }
    }

    /// Follows something else, where it has not started.
    pub(crate) fn follow(&mut self, healthy: watch::Receiver<bool>) {
        self.healthy = healthy;
    }

    /// Reports from now on; at the latest before the first connection is handled. Must be called
    /// inside a Tokio runtime.
    pub(crate) fn start(&self) {
        self.follower.get_or_init(|| {
            let follower = follow(
                self.reporter.clone(),
                self.services.clone(),
                self.healthy.clone(),
                self.draining.subscribe(),
            );
            let mut follower = Box::pin(follower);
            // Before the first connection asks: nobody else holds the statuses, so there is nothing
            // to wait for.
            let ended = (&mut follower).now_or_never();
            tokio::spawn(async move {
                if ended.is_none() {
                    follower.await;
                }
            })
        });
    }

    pub(crate) fn drain(&self) {
        self.start();
        self.draining.send_replace(true);
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
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
