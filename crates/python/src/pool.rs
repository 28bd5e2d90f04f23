//! A pool of workers that together are one service: what others may call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use streeling_core::{Error, ErrorKind};

use crate::config::PoolConfig;
use crate::error::StartError;
use crate::generation::Generation;
use crate::lock::lock;
use crate::shared::{Failure, LACK_TIMEOUT, Shared};
use crate::slot::WorkerSlot;
use crate::snapshot::PoolSnapshot;
use crate::supervisor::{Command, SlotSupervisor, check_health};
use crate::worker::Worker;

/// Worker processes that serve one Python class.
///
/// It is made idle; [`Pool::start`] starts the workers. It implements
/// [`Service`](streeling_core::Service). Cloning gives another handle to the same pool; call
/// [`Pool::stop`] to end it.
///
/// While no worker serves, requests wait for one as long as their deadlines and
/// [`PoolConfig::max_queue`] allow, until the pool gives up.
#[derive(Clone)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
    slots: Arc<Slots>,
}

/// The slots of a pool, and the tasks that keep them filled.
struct Slots {
    /// How many workers are desired.
    desired: AtomicUsize,
    /// The slots of the first workers, until these are started.
    first: Mutex<Vec<Arc<WorkerSlot>>>,
    /// Locked during a change, so that there is one at a time.
    supervised: tokio::sync::Mutex<Vec<SupervisedSlot>>,
    /// The supervisors, and the health checks.
    tasks: Mutex<JoinSet<()>>,
}

/// A slot that is kept filled.
struct SupervisedSlot {
    slot: Arc<WorkerSlot>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Pool {
    /// A pool without workers yet; requests fail with [`ErrorKind::NotReady`]. Its first workers
    /// have their numbers from now on, so that the numbers of pools that start at the same time are
    /// in the order in which the pools were made. They come from `generation`, which all pools of a
    /// server share.
    #[must_use]
    pub fn new(config: PoolConfig, generation: Generation) -> Self {
        Self {
            slots: Arc::new(Slots {
                desired: AtomicUsize::new(config.workers),
                first: Mutex::new(take_slots(&config, config.workers)),
                supervised: tokio::sync::Mutex::default(),
                tasks: Mutex::default(),
            }),
            shared: Arc::new(Shared::new(config, generation)),
        }
    }

    /// Starts every worker, all at the same time, and waits until each has loaded the component.
    /// From then on a worker that is lost is replaced. To be called once.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any worker; the others are ended.
    pub async fn start(&self) -> Result<(), StartError> {
        let mut supervised = self.slots.supervised.lock().await;
        let first = std::mem::take(&mut *lock(&self.slots.first));
        let workers = self.start_workers(&self.shared.generation(), first).await?;
        self.spawn(check_health(Arc::clone(&self.shared)));
        supervised.extend(self.supervise(workers));
        Ok(())
    }

    /// Gives every worker a successor of another generation, all at the same time. Once all have
    /// loaded, each old worker is given nothing more; it ends when it has responded to what is in
    /// flight on it, which is not waited for.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any successor. Then nothing has changed.
    pub async fn reload(&self, generation: &Generation) -> Result<(), StartError> {
        let supervised = self.slots.supervised.lock().await;
        let slots = supervised.iter().map(|one| Arc::clone(&one.slot));
        let workers = self.start_workers(generation, slots.collect()).await?;
        self.shared.set_generation(generation.clone());
        self.shared.quarantine.clear();
        let mut installs = Vec::with_capacity(workers.len());
        for (slot, worker) in workers {
            let mut supervised = supervised.iter();
            let supervised = supervised.find(|one| Arc::ptr_eq(&one.slot, &slot));
            let supervised = supervised.expect("workers were started for these slots");
            let (installed, done) = oneshot::channel();
            // A supervisor that has ended has given up, or the pool is being stopped.
            let _ = supervised
                .commands
                .send(Command::Install(Box::new(worker), installed));
            installs.push(done);
        }
        for done in installs {
            // Nothing is ever sent; it ends when the sender is dropped.
            let _ = done.await;
        }
        Ok(())
    }

    /// Has so many workers from now on, at least 1. New ones are waited for until they have loaded;
    /// of those that are too many, the last ones finish what is in flight on them and end.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any new worker. Then nothing has changed.
    pub async fn resize(&self, workers: usize) -> Result<(), StartError> {
        let workers = workers.max(1);
        let mut supervised = self.slots.supervised.lock().await;
        let missing = workers.saturating_sub(supervised.len());
        let slots = take_slots(&self.shared.config, missing);
        let new = self.start_workers(&self.shared.generation(), slots).await?;
        supervised.extend(self.supervise(new));
        for surplus in supervised.drain(workers..) {
            // As above.
            let _ = surplus.commands.send(Command::Close);
        }
        self.slots.desired.store(workers, Ordering::Relaxed);
        Ok(())
    }

    /// Where new workers come from.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.shared.generation()
    }

    /// How many workers are desired; those that are just being replaced count.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.slots.desired.load(Ordering::Relaxed)
    }

    /// Ready when the pool has given up, since one worker failed [`PoolConfig::tries`] times in a
    /// row; pending for ever otherwise. From then on requests are refused while no worker serves.
    pub async fn failed(&self) -> StartError {
        let mut failure = self.shared.failure.subscribe();
        let failure = failure.wait_for(Option::is_some).await;
        let failure = failure.expect("the pool holds the other end");
        let Failure { slot, tries, last } = failure.clone().expect("waited for above");
        StartError::GaveUp { slot, tries, last }
    }

    /// How many workers serve right now.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<usize> {
        self.shared.registry.subscribe_live()
    }

    /// What it has now: its workers, and of its requests at most so many.
    #[must_use]
    pub fn snapshot(&self, most: usize) -> PoolSnapshot {
        self.shared.registry.snapshot(most)
    }

    /// Ends the workers: each finishes what is in flight on it, what is queued is refused. What has
    /// not ended after `grace` is killed.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stop.send_replace(true);
        self.shared.registry.refuse(&Error::new(
            ErrorKind::NotReady,
            "the server is going down; try another one",
        ));
        let mut tasks = std::mem::take(&mut *lock(&self.slots.tasks));
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("workers are killed: they did not end within {grace:?}");
        }
        tasks.shutdown().await;
        self.shared.registry.abandon();
    }

    /// Starts workers, all at the same time; on an error those that were started are ended.
    async fn start_workers(
        &self,
        generation: &Generation,
        slots: Vec<Arc<WorkerSlot>>,
    ) -> Result<Vec<(Arc<WorkerSlot>, Worker)>, StartError> {
        let mut starts = JoinSet::new();
        for slot in slots {
            let (generation, shared) = (generation.clone(), Arc::clone(&self.shared));
            starts.spawn(async move {
                let started = shared
                    .start_worker(&generation, slot.number, Some(LACK_TIMEOUT))
                    .await;
                (slot, started)
            });
        }
        let all = async {
            let mut workers = Vec::new();
            while let Some(joined) = starts.join_next().await {
                let (slot, started) = joined.map_err(io::Error::other)?;
                let worker = started.inspect_err(|error| {
                    if !matches!(error, StartError::Lack { .. }) {
                        self.shared.statistics.record_start_failure();
                    }
                })?;
                tracing::info!(
                    worker = slot.number,
                    pid = worker.process.id(),
                    "component loaded in {:.3} s",
                    worker.ready.load_time().as_secs_f64()
                );
                workers.push((slot, worker));
            }
            workers.sort_by_key(|(slot, _)| slot.number);
            Ok(workers)
        };
        tokio::select! {
            workers = all => workers,
            () = self.shared.stopped() => Err(StartError::Stopped),
        }
    }

    /// Has the slot of each of these workers kept filled.
    fn supervise(&self, workers: Vec<(Arc<WorkerSlot>, Worker)>) -> Vec<SupervisedSlot> {
        let supervise = |(slot, worker)| {
            let (commands, receiver) = mpsc::unbounded_channel();
            let shared = Arc::clone(&self.shared);
            let supervisor = SlotSupervisor::new(shared, Arc::clone(&slot), receiver, worker);
            self.spawn(supervisor.run());
            SupervisedSlot { slot, commands }
        };
        workers.into_iter().map(supervise).collect()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.slots.tasks).spawn(task);
    }
}

/// So many slots more.
fn take_slots(config: &PoolConfig, count: usize) -> Vec<Arc<WorkerSlot>> {
    (0..count).map(|_| Arc::new(config.slots.take())).collect()
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
