//! Brings the Python processes to the desired state while the server serves: reloads, more or fewer
//! workers, and the component's own server.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::time::Duration;

use streeling_config::Settings;
use streeling_python::{CustomService, Generation, Pool};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

use crate::control::{Control, DesiredState};
use crate::error::ServeError;
use crate::pools::Pools;
use crate::watch::python_files;

/// A reload seems to hang that takes so many times as long as the last one that was good.
const HANGS_AFTER: u32 = 4;

/// One that takes less does not.
const HANGS_AFTER_LEAST: Duration = Duration::from_secs(5);

/// The pools, with what lives beside them.
pub(crate) struct Reconciler {
    pools: Pools,
    service: Mutex<Option<CustomService>>,
    /// Time for the component's own server to exit before a reload.
    graceful_timeout: Duration,
    /// Notified when the component's code has changed, in the development server.
    changes: Option<watch::Receiver<()>>,
    /// When the server began to load the component.
    since: Instant,
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
            since: Instant::now(),
        })
    }

    /// Starts the component's own server if it has one, and follows the desired state. To be called
    /// once the component is loaded.
    pub(crate) async fn run(&self, mut control: Control) -> Infallible {
        // Of the last load that was good.
        let mut load_time = self.since.elapsed();
        let mut changes = self.changes.clone();
        self.restart_service().await;
        let mut current = DesiredState::default();
        // What a reload that came between has kept from being done, and how many pools have it.
        let (mut resizing, mut resized) = (None, 0);
        loop {
            let (desired, is_changed) = tokio::select! {
                desired = control.desired(current) => (desired, false),
                () = changed(&mut changes) => {
                    tracing::info!("the code has changed: reloading");
                    (current, true)
                }
            };
            let since = Instant::now();
            let hangs = since + HANGS_AFTER_LEAST.max(load_time * HANGS_AFTER);
            // What is seen here is seen above, too.
            let (mut control, mut changes) = (control.clone(), changes.clone());
            let mut newer = pin!(async move {
                tokio::select! {
                    () = control.reload_after(desired.reloads) => {}
                    () = changed(&mut changes) => {}
                }
                sleep_until(hangs).await;
            });
            if is_changed || desired.reloads != current.reloads {
                current.reloads = desired.reloads;
                match self.reload(newer.as_mut()).await {
                    Reload::Done => load_time = since.elapsed(),
                    Reload::Failed => {}
                    Reload::GivenUp => continue,
                }
            }
            let by = resizing.unwrap_or(desired.extra_workers - current.extra_workers);
            if by != 0 {
                tokio::select! {
                    () = self.resize(by, &mut resized) => {
                        current.extra_workers += by;
                        (resizing, resized) = (None, 0);
                    }
                    () = newer => {
                        resizing = Some(by);
                        tracing::warn!(
                            "new workers have not loaded the component after {:?}: they are given \
                             up for the reload that was requested since",
                            since.elapsed()
                        );
                    }
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

    /// Loads the component again. When it is `newer`, there is another reload to be done, and this
    /// one seems to hang: then it is given up.
    async fn reload(&self, mut newer: Pin<&mut impl Future<Output = ()>>) -> Reload {
        let Some(old) = self.pools.all().next().map(Pool::generation) else {
            return Reload::Done;
        };
        let new = old.next();
        let since = Instant::now();
        // Where the component listens at a port of its own, the new template needs it; otherwise
        // the old one stays until the new one is good.
        old.release_port().await;
        let ended = tokio::select! {
            biased;
            ended = self.replace_workers(&new) => ended,
            () = newer.as_mut() => {
                tracing::warn!(
                    "a reload has not ended after {:?}: its processes are killed for the one that \
                     was requested since",
                    since.elapsed()
                );
                Reload::GivenUp
            }
        };
        if ended == Reload::Done {
            self.restart_service().await;
            tracing::info!("all workers are reloaded");
        }
        // A pool whose workers are being replaced has it already.
        let is_used = self.pools.all().any(|pool| pool.generation().is(&new));
        if ended != Reload::Done && !is_used {
            new.stop().await;
            if ended == Reload::Failed {
                tokio::select! {
                    biased;
                    () = old.restore_port() => {}
                    () = newer => tracing::warn!(
                        "the component's own port stays closed until the reload that was requested \
                         since has ended"
                    ),
                }
            }
        }
        ended
    }

    /// One pool after the other: if the first cannot load the component, the second need not try,
    /// and fewer copies of a model are in memory at the same time.
    async fn replace_workers(&self, new: &Generation) -> Reload {
        for pool in self.pools.all() {
            if let Err(error) = pool.reload(new).await {
                tracing::error!("not reloaded, the old workers keep serving: {error}");
                return Reload::Failed;
            }
        }
        Reload::Done
    }

    /// Resizes the pools that have not been `resized`.
    async fn resize(&self, by: i64, resized: &mut usize) {
        for pool in self.pools.all().skip(*resized) {
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
            *resized += 1;
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

/// How a reload has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reload {
    /// All workers have loaded the component.
    Done,
    /// One could not, which is in the log.
    Failed,
    /// It took long, and there is another one to be done.
    GivenUp,
}

async fn changed(changes: &mut Option<watch::Receiver<()>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
