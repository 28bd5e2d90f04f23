//! What is done with Python processes while the server serves: reloads, more or fewer workers, and the
//! component's own server.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use streeling_config::Settings;
use streeling_python::{Pool, Service};
use tokio::sync::watch;

use crate::control::{Control, Orders};
use crate::python::Pools;

/// Where orders come from.
pub(crate) struct Sources {
    pub(crate) control: Control,
    /// Notified when the component's code has changed, in the development server.
    pub(crate) changes: Option<watch::Receiver<()>>,
}

/// The pools, with what lives beside them.
pub(crate) struct Upkeep<'a> {
    settings: &'a Settings,
    pools: &'a Pools,
    service: Mutex<Option<Service>>,
}

impl<'a> Upkeep<'a> {
    pub(crate) fn new(settings: &'a Settings, pools: &'a Pools) -> Self {
        Self {
            settings,
            pools,
            service: Mutex::default(),
        }
    }

    /// Starts the component's own server if it has one, and carries out orders. To be called once the
    /// component is loaded.
    pub(crate) async fn run(&self, sources: Sources) -> Infallible {
        let Sources {
            mut control,
            mut changes,
        } = sources;
        self.start_service();
        let mut done = Orders::default();
        loop {
            tokio::select! {
                orders = control.ordered(done) => {
                    if orders.more != done.more {
                        self.resize(orders.more - done.more).await;
                    }
                    if orders.reloads != done.reloads {
                        self.reload().await;
                    }
                    done = orders;
                }
                () = changed(&mut changes) => {
                    tracing::info!("the code has changed: reloading");
                    self.reload().await;
                }
            }
        }
    }

    /// Ends all processes: each finishes what lies on it, for at most `grace`.
    pub(crate) async fn stop(&self, grace: Duration) {
        let service = self.take_service();
        tokio::join!(self.pools.stop(grace), stop(service, grace));
    }

    /// One pool after the other: what one could not load, the other need not try, and fewer copies of a
    /// model are in memory at the same time.
    async fn reload(&self) {
        for pool in self.pools.all() {
            if let Err(error) = pool.reload().await {
                tracing::error!("not reloaded, the workers that are there go on: {error}");
                return;
            }
        }
        // The old one must have let go of its port before the new one asks for it.
        stop(self.take_service(), self.settings.workers.graceful_timeout).await;
        self.start_service();
        tracing::info!("all workers are reloaded");
    }

    async fn resize(&self, by: i64) {
        for pool in self.pools.all() {
            let before = pool.workers();
            let wanted = usize::try_from(by.saturating_add_unsigned(before as u64))
                .unwrap_or(0)
                .max(1);
            match pool.resize(wanted).await {
                Ok(()) => tracing::info!("{wanted} workers in place of {before}"),
                Err(error) => tracing::error!("{wanted} workers cannot be had: {error}"),
            }
        }
    }

    fn start_service(&self) {
        let service = self.pools.all().find_map(Pool::start_service);
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = service;
    }

    fn take_service(&self) -> Option<Service> {
        self.service
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
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

async fn stop(service: Option<Service>, grace: Duration) {
    if let Some(service) = service {
        service.stop(grace).await;
    }
}
