//! A pool of workers that together are one component: what others may ask of it.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use streeling_core::{Error, ErrorKind, Result};

use crate::dispatch::Dispatcher;
use crate::figures::Counts;
use crate::seat::State;
use crate::slots::{Slot, Slots};
use crate::supervise::{self, Command, Keeper};
use crate::worker::{Methods, Ready, StartError, Worker, WorkerConfig};

/// How a pool is to be made up.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// What each worker loads.
    pub worker: WorkerConfig,
    /// Where its workers get their numbers: the same for all pools of a server.
    pub slots: Slots,
    /// Worker processes at the start.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub max_queue: usize,
    /// The largest answer, in bytes on the way from the worker.
    pub max_answer: usize,
    /// Requests after which a worker is replaced; `None` never.
    pub recycle: Option<Recycle>,
    /// Starts of one worker in a row that may fail before the pool gives up. A worker that is lost
    /// within ten seconds without having answered anything counts as a start that failed; one that
    /// somebody kills while others serve does not.
    pub tries: u32,
    /// Errors of the component carry its traceback in their text.
    pub tracebacks: bool,
}

/// When a worker is replaced by a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recycle {
    /// Requests that a worker is given before its successor is started.
    pub after: u32,
    /// Most that is added to that at random, drawn for each worker, so that not all go at once.
    pub jitter: u32,
}

/// Worker processes that serve one Python class.
///
/// It is made idle; [`Pool::start`] starts the workers. It implements
/// [`Component`](streeling_core::Component). Cloning gives another handle to the same pool; call [`Pool::stop`] to end it.
///
/// While no worker serves, requests wait for one as long as their deadlines and
/// [`PoolConfig::max_queue`] allow, until the pool gives up.
#[derive(Clone)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
}

/// What the pool's handles, its keepers and its workers' tasks have in common.
pub(crate) struct Shared {
    pub(crate) config: PoolConfig,
    pub(crate) state: Mutex<State>,
    pub(crate) component: Loaded,
    next_request: AtomicU64,
    pub(crate) next_worker: AtomicU64,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) live: watch::Sender<usize>,
    pub(crate) failed: watch::Sender<Option<Failure>>,
    pub(crate) counts: Counts,
    wanted: AtomicUsize,
    /// The places of the first workers, until these are started.
    first: Mutex<Vec<Arc<Slot>>>,
    /// One change of the workers at a time.
    posts: tokio::sync::Mutex<Vec<Post>>,
    /// The tasks that keep one worker each, and the one that looks for stuck ones.
    tasks: Mutex<JoinSet<()>>,
}

/// Why the pool has given up.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) slot: usize,
    pub(crate) tries: u32,
    pub(crate) last: Arc<StartError>,
}

/// A place that is kept filled.
struct Post {
    slot: Arc<Slot>,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the component turned out to be when it was loaded last.
#[derive(Default)]
pub(crate) struct Loaded {
    /// [`Methods`] and [`Loaded::KNOWN`]: read for every request, so without a lock.
    methods: AtomicU32,
    ready: Mutex<Option<Arc<Ready>>>,
}

impl Loaded {
    /// Tells a component without any method from none.
    const KNOWN: u32 = 1 << 31;

    pub(crate) fn set(&self, ready: Ready) {
        let methods = ready.methods.bits() | Self::KNOWN;
        *lock(&self.ready) = Some(Arc::new(ready));
        self.methods.store(methods, Ordering::Release);
    }
}

impl Pool {
    /// A pool without workers yet; requests are answered with [`ErrorKind::NotReady`]. Its first workers have
    /// their numbers from now on, so that those of pools which start at the same time are in the order in
    /// which the pools were made.
    #[must_use]
    pub fn new(config: PoolConfig) -> Self {
        let first = places(&config, config.workers);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    dispatcher: Dispatcher::new(config.max_queue),
                    seats: Vec::new(),
                    over: false,
                }),
                component: Loaded::default(),
                next_request: AtomicU64::new(1),
                next_worker: AtomicU64::new(0),
                stop: watch::Sender::new(false),
                live: watch::Sender::new(0),
                failed: watch::Sender::new(None),
                counts: Counts::default(),
                wanted: AtomicUsize::new(config.workers),
                first: Mutex::new(first),
                posts: tokio::sync::Mutex::default(),
                tasks: Mutex::default(),
                config,
            }),
        }
    }

    /// Starts every worker, all at the same time, and waits until each has loaded the component.
    /// From then on a worker that is lost is replaced. To be called once.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any worker; the others are ended.
    pub async fn start(&self) -> std::result::Result<(), StartError> {
        let mut posts = self.shared.posts.lock().await;
        let first = std::mem::take(&mut *lock(&self.shared.first));
        let workers = self.load(first).await?;
        self.shared
            .spawn(supervise::watch(Arc::clone(&self.shared)));
        posts.extend(self.open(workers));
        Ok(())
    }

    /// Gives every worker a successor that loads the code and the model anew, all at the same time.
    /// Once all have, each old worker is given nothing more; it ends when it has finished what
    /// lies on it, which is not waited for.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any successor. Then nothing has changed.
    pub async fn reload(&self) -> std::result::Result<(), StartError> {
        let posts = self.shared.posts.lock().await;
        let workers = self
            .load(posts.iter().map(|post| Arc::clone(&post.slot)).collect())
            .await?;
        let mut moves = Vec::with_capacity(workers.len());
        for (slot, worker) in workers {
            let post = posts.iter().find(|post| Arc::ptr_eq(&post.slot, &slot));
            let post = post.expect("workers were started for these places");
            let (moved, done) = oneshot::channel();
            // A keeper that is gone has given up, or the pool is being stopped.
            let _ = post.commands.send(Command::Take(Box::new(worker), moved));
            moves.push(done);
        }
        for done in moves {
            // Nothing is ever sent; it ends when the sender is dropped.
            let _ = done.await;
        }
        Ok(())
    }

    /// Has so many workers from now on, at least 1. New ones are waited for until they have loaded;
    /// of those that are too many, the last ones finish what lies on them and end.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any new worker. Then nothing has changed.
    pub async fn resize(&self, workers: usize) -> std::result::Result<(), StartError> {
        let workers = workers.max(1);
        let mut posts = self.shared.posts.lock().await;
        let missing = workers.saturating_sub(posts.len());
        let new = self.load(places(&self.shared.config, missing)).await?;
        posts.extend(self.open(new));
        for post in posts.drain(workers..) {
            // As above.
            let _ = post.commands.send(Command::Leave);
        }
        self.shared.wanted.store(workers, Ordering::Relaxed);
        Ok(())
    }

    /// How many workers are wanted; those that are just being replaced count.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.wanted()
    }

    /// Ready when the pool has given up, since one worker failed [`PoolConfig::tries`] times in a
    /// row; pending for ever otherwise. From then on requests are refused while no worker serves.
    pub async fn failed(&self) -> StartError {
        let mut failed = self.shared.failed.subscribe();
        let failure = failed.wait_for(Option::is_some).await;
        let failure = failure.expect("the pool holds the other end");
        let Failure { slot, tries, last } = failure.clone().expect("waited for above");
        StartError::GaveUp { slot, tries, last }
    }

    /// How many workers serve right now; 0 means that nobody can be served.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<usize> {
        self.shared.live.subscribe()
    }

    /// Ends the workers: each finishes what lies on it, what waits for one is refused. What has not
    /// ended after `grace` is killed.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stop.send_replace(true);
        self.shared.refuse(&Error::new(
            ErrorKind::NotReady,
            "the server is going down; try another one",
        ));
        let mut tasks = std::mem::take(&mut *lock(&self.shared.tasks));
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("workers are killed: they did not end within {grace:?}");
        }
        tasks.shutdown().await;
        self.shared.abandon();
    }

    /// What the component defines.
    pub(crate) fn methods(&self) -> Result<Methods> {
        match self.shared.component.methods.load(Ordering::Acquire) {
            0 => Err(not_ready()),
            bits => Ok(Methods::from_bits(bits)),
        }
    }

    /// What the component turned out to be.
    pub(crate) fn ready(&self) -> Result<Arc<Ready>> {
        lock(&self.shared.component.ready)
            .clone()
            .ok_or_else(not_ready)
    }

    /// Starts workers, all at the same time; on an error those that have come up are ended.
    async fn load(
        &self,
        slots: Vec<Arc<Slot>>,
    ) -> std::result::Result<Vec<(Arc<Slot>, Worker)>, StartError> {
        let mut starts = JoinSet::new();
        for slot in slots {
            let config = self.shared.config.worker.clone();
            starts.spawn(async move {
                let started = Worker::start(&config, slot.number).await;
                (slot, started)
            });
        }
        let load = async {
            let mut workers = Vec::new();
            while let Some(joined) = starts.join_next().await {
                let (slot, started) = joined.map_err(io::Error::other)?;
                let worker = started.inspect_err(|_| self.shared.counts.failed())?;
                tracing::info!(
                    worker = slot.number,
                    "component loaded in {:.3} s",
                    worker.ready.load_seconds
                );
                workers.push((slot, worker));
            }
            workers.sort_by_key(|(slot, _)| slot.number);
            Ok(workers)
        };
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            workers = load => workers,
            _ = stop.wait_for(|stop| *stop) => Err(StartError::Stopped),
        }
    }

    /// Has the place of each of these workers kept filled.
    fn open(&self, workers: Vec<(Arc<Slot>, Worker)>) -> Vec<Post> {
        let open = |(slot, worker)| {
            let (commands, receiver) = mpsc::unbounded_channel();
            let shared = Arc::clone(&self.shared);
            let keeper = Keeper::new(shared, Arc::clone(&slot), receiver, worker);
            self.shared.spawn(keeper.keep());
            Post { slot, commands }
        };
        workers.into_iter().map(open).collect()
    }
}

impl Shared {
    pub(crate) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// An id for a request that no other request has.
    pub(crate) fn next_request_id(&self) -> u64 {
        self.next_request.fetch_add(1, Ordering::Relaxed)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(task);
    }
}

/// Places for so many workers more.
fn places(config: &PoolConfig, count: usize) -> Vec<Arc<Slot>> {
    (0..count).map(|_| Arc::new(config.slots.take())).collect()
}

fn not_ready() -> Error {
    Error::new(
        ErrorKind::NotReady,
        "the component is still being loaded; try again later",
    )
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the locks guard is never left half changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
