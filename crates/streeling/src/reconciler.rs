//! Brings the Python processes to the desired state while the server serves: reloads, more or fewer
//! workers, and the component's own server.

use std::convert::Infallible;
use std::time::Duration;

use streeling_config::Settings;
use streeling_python::{CustomService, Pool};
use tokio::sync::{Mutex, watch};

use crate::control::{Control, DesiredState};
use crate::error::ServeError;
use crate::pools::Pools;
use crate::watch::python_files;

/// The pools, with what lives beside them.
pub(crate) struct Reconciler {
    pools: Pools,
    service: Mutex<Option<CustomService>>,
    /// Time for the component's own server to exit before a reload.
    graceful_timeout: Duration,
    /// Notified when the component's code has changed, in the development server.
    changes: Option<watch::Receiver<()>>,
}

impl Reconciler {
    /// Changes of the code count from now on, so that none during the load is missed.
    pub(crate) fn new(settings: &Settings, pools: Pools) -> Result<Self, ServeError> {
        let changes = settings
            .development
            .enabled
            .then(|| python_files(&settings.python.app_dir))
            .transpose()
            .map_err(ServeError::Watch)?;
        Ok(Self {
            pools,
            service: Mutex::default(),
            graceful_timeout: settings.workers.graceful_timeout,
            changes,
        })
    }

    /// Starts the component's own server if it has one, and follows the desired state. To be called
    /// once the component is loaded.
    pub(crate) async fn run(&self, mut control: Control) -> Infallible {
        let mut changes = self.changes.clone();
        self.restart_service().await;
        let mut current = DesiredState::default();
        loop {
            tokio::select! {
                desired = control.desired(current) => {
                    if desired.extra_workers != current.extra_workers {
                        self.resize(desired.extra_workers - current.extra_workers).await;
                    }
                    if desired.reloads != current.reloads {
                        self.reload().await;
                    }
                    current = desired;
                }
                () = changed(&mut changes) => {
                    tracing::info!("the code has changed: reloading");
                    self.reload().await;
                }
            }
        }
    }

    /// Stops all processes: each finishes its requests, for at most `grace`.
    pub(crate) async fn stop(&self, grace: Duration) {
        tokio::join!(self.pools.stop(grace), self.stop_service(grace));
        // Templates may have made what workers use to their end.
        for pool in self.pools.all() {
            pool.generation().stop().await;
        }
    }

    /// One pool after the other: if the first cannot load the component, the second need not try,
    /// and fewer copies of a model are in memory at the same time.
    async fn reload(&self) {
        let Some(old) = self.pools.all().next().map(Pool::generation) else {
            return;
        };
        let new = old.next();
        // Where the component listens at a port of its own, the new template needs it; otherwise
        // the old one stays until the new one is good.
        old.release_port().await;
        for (done, pool) in self.pools.all().enumerate() {
            if let Err(error) = pool.reload(&new).await {
                tracing::error!("not reloaded, the old workers keep serving: {error}");
                if done == 0 {
                    new.stop().await;
                    old.restore_port().await;
                }
                return;
            }
        }
        self.restart_service().await;
        tracing::info!("all workers are reloaded");
    }

    async fn resize(&self, by: i64) {
        for pool in self.pools.all() {
            let before = pool.workers();
            let after = usize::try_from(by.saturating_add_unsigned(before as u64))
                .unwrap_or(0)
                .max(1);
            match pool.resize(after).await {
                Ok(()) => tracing::info!("{after} workers in place of {before}"),
                Err(error) => {
                    tracing::error!("still {before} workers in place of {after}: {error}");
                }
            }
        }
    }

    /// The old one must have released its port before the new one binds it. It stays in its place
    /// until it has ended, so that a stop of the server in the meantime finds it.
    async fn restart_service(&self) {
        let mut service = self.service.lock().await;
        if let Some(running) = &mut *service {
            running.stop(self.graceful_timeout).await;
        }
        *service = self.pools.all().find_map(Pool::start_service);
    }

    async fn stop_service(&self, grace: Duration) {
        let mut service = self.service.lock().await;
        if let Some(running) = &mut *service {
            running.stop(grace).await;
        }
        *service = None;
    }
}

async fn changed(changes: &mut Option<watch::Receiver<()>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
