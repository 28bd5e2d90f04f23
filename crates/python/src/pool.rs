//! A pool of workers that together are one component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinSet};

use streeling_core::{Error, ErrorKind, Method, Result};

use crate::dispatch::{Class, Dispatcher, Job, Lane, Send, Submitted, Ticket, WorkerId};
use crate::link::{Link, Received};
use crate::reply::Reply;
use crate::request::{Pieces, Request};
use crate::worker::{Ready, StartError, Worker, WorkerConfig};

/// How a pool is to be made up.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// What each worker loads.
    pub worker: WorkerConfig,
    /// The number of the first worker; the others count on from it.
    pub first: usize,
    /// Worker processes.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub max_queue: usize,
    /// The largest answer, in bytes on the way from the worker.
    pub max_answer: usize,
}

/// The first pause before a lost worker is started again; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause before a lost worker is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A worker that has served for so long is not part of a row of failures.
const STEADY: Duration = Duration::from_secs(30);

/// Worker processes that serve one Python class.
///
/// It is made idle; [`Pool::start`] starts the workers. It implements
/// [`Component`](streeling_core::Component). Cloning gives another handle to the same pool; call [`Pool::stop`] to end it.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    config: PoolConfig,
    state: Mutex<State>,
    /// What the component turned out to be at the start.
    ready: OnceLock<Ready>,
    next_request: AtomicU64,
    next_worker: AtomicU64,
    stop: watch::Sender<bool>,
    /// The tasks that keep one worker each.
    keepers: Mutex<JoinSet<()>>,
}

struct State {
    dispatcher: Dispatcher<Pieces, Caller>,
    links: Vec<(WorkerId, Arc<[Link]>)>,
}

/// Who waits for an answer.
type Answered = std::result::Result<Reply, Error>;

#[derive(Debug)]
struct Caller(oneshot::Sender<Answered>);

impl Ticket for Caller {
    fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

impl Pool {
    /// A pool without workers yet; requests are answered with [`ErrorKind::NotReady`].
    #[must_use]
    pub fn new(config: PoolConfig) -> Self {
        let state = State {
            dispatcher: Dispatcher::new(config.max_queue),
            links: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                config,
                state: Mutex::new(state),
                ready: OnceLock::new(),
                next_request: AtomicU64::new(1),
                next_worker: AtomicU64::new(0),
                stop: watch::Sender::new(false),
                keepers: Mutex::default(),
            }),
        }
    }

    /// Starts every worker, all at the same time, and waits until each has loaded the component.
    /// From then on a worker that is lost is replaced.
    ///
    /// # Errors
    ///
    /// The first [`StartError`] of any worker; the others are ended.
    pub async fn start(&self) -> std::result::Result<(), StartError> {
        let mut starts = JoinSet::new();
        let first = self.shared.config.first;
        for slot in first..first + self.shared.config.workers {
            let config = self.shared.config.worker.clone();
            starts.spawn(async move { (slot, Worker::start(&config, slot).await) });
        }
        let mut workers = Vec::new();
        while let Some(joined) = starts.join_next().await {
            let (slot, started) = joined.map_err(io::Error::other)?;
            let worker = started?;
            tracing::info!(
                worker = slot,
                "component loaded in {:.3} s",
                worker.ready.load_seconds
            );
            workers.push((slot, worker));
        }
        let mut keepers = lock(&self.shared.keepers);
        for (slot, worker) in workers {
            self.shared.ready.get_or_init(|| worker.ready.clone());
            keepers.spawn(Arc::clone(&self.shared).keep(slot, worker));
        }
        Ok(())
    }

    /// Ends the workers: each finishes what lies on it. What has not ended after `grace` is
    /// killed.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stop.send_replace(true);
        let mut keepers = std::mem::take(&mut *lock(&self.shared.keepers));
        let ended = async { while keepers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("workers are killed: they did not end within {grace:?}");
        }
    }

    /// What the component turned out to be.
    pub(crate) fn ready(&self) -> Result<&Ready> {
        self.shared.ready.get().ok_or_else(|| {
            Error::new(
                ErrorKind::NotReady,
                "the component is still being loaded; try again later",
            )
        })
    }

    /// Sends a request to a worker and waits for its reply.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        request: Request,
        deadline: Option<Instant>,
    ) -> Result<Reply> {
        let shared = &*self.shared;
        let id = shared.next_request.fetch_add(1, Ordering::Relaxed);
        let class = Class::new(method, request.size());
        let payload = request.finish(method, id, deadline);
        let (sender, answer) = oneshot::channel();
        let job = Job {
            id,
            class,
            payload,
            ticket: Caller(sender),
        };

        let order = {
            let mut state = lock(&shared.state);
            match state.dispatcher.submit(Instant::now(), job) {
                Submitted::Send(send) => state.order(send),
                Submitted::Queued => None,
                Submitted::Full(_) => {
                    return Err(Error::new(
                        ErrorKind::QueueFull,
                        format!(
                            "{} requests wait for a worker already (--max-queue, \
                             STREELING_MAX_QUEUE); try again later",
                            shared.config.max_queue
                        ),
                    ));
                }
            }
        };
        carry_out(order);
        answer.await.unwrap_or_else(|_| Err(worker_lost()))
    }
}

/// What is to be written, with where; carried out when the state is no longer locked.
type Order = (Arc<[Link]>, Send<Pieces>);

impl State {
    fn orders(&self, sends: Vec<Send<Pieces>>) -> Vec<Order> {
        sends
            .into_iter()
            .filter_map(|send| self.order(send))
            .collect()
    }

    /// `None` when the worker has gone; whoever waits is told by who removes it.
    fn order(&self, send: Send<Pieces>) -> Option<Order> {
        let (_, links) = self.links.iter().find(|(id, _)| *id == send.lane.worker)?;
        Some((Arc::clone(links), send))
    }
}

fn carry_out(orders: impl IntoIterator<Item = Order>) {
    for (
        links,
        Send {
            lane,
            payload,
            awaited,
        },
    ) in orders
    {
        links[lane.thread].send(payload, awaited);
    }
}

impl Shared {
    /// Keeps one slot filled: serves with a worker, replaces it when it is lost.
    async fn keep(self: Arc<Self>, slot: usize, mut worker: Worker) {
        let mut pause = FIRST_PAUSE;
        loop {
            let since = Instant::now();
            let ended = self.serve(&mut worker).await;
            if *self.stop.borrow() {
                return;
            }
            worker.process.kill();
            let status = worker.process.wait().await;
            match (ended, status) {
                (Err(fault), _) => tracing::error!(worker = slot, "worker killed: {fault}"),
                (Ok(()), Ok(status)) => tracing::error!(worker = slot, "worker lost: {status}"),
                (Ok(()), Err(error)) => tracing::error!(worker = slot, "worker lost: {error}"),
            }
            if since.elapsed() >= STEADY {
                pause = FIRST_PAUSE;
            }
            let Some(next) = self.replace(slot, &mut pause).await else {
                return;
            };
            worker = next;
        }
    }

    /// Starts workers until one has loaded; `None` when the pool is stopped meanwhile.
    async fn replace(&self, slot: usize, pause: &mut Duration) -> Option<Worker> {
        let mut stop = self.stop.subscribe();
        let again = async {
            loop {
                tokio::time::sleep(*pause).await;
                *pause = (*pause * 2).min(LONGEST_PAUSE);
                match Worker::start(&self.config.worker, slot).await {
                    Ok(worker) => {
                        tracing::info!(worker = slot, "worker replaced");
                        return worker;
                    }
                    Err(error) => tracing::error!(worker = slot, "worker not replaced: {error}"),
                }
            }
        };
        tokio::select! {
            worker = again => Some(worker),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// Lets a worker take part until it closes a socket, breaks the protocol, or the pool is
    /// stopped and it has ended in order. Whoever still waits for it then is told.
    async fn serve(self: &Arc<Self>, worker: &mut Worker) -> io::Result<()> {
        let id = self.next_worker.fetch_add(1, Ordering::Relaxed);
        let orders = {
            let mut state = lock(&self.state);
            state.links.push((id, Arc::clone(&worker.links)));
            let sends = state
                .dispatcher
                .add_worker(Instant::now(), id, worker.links.len());
            state.orders(sends)
        };
        carry_out(orders);
        let result = self.run(id, worker).await;
        let tickets = {
            let mut state = lock(&self.state);
            state.links.retain(|(other, _)| *other != id);
            state.dispatcher.remove_worker(id)
        };
        for Caller(sender) in tickets {
            // Whoever has left needs no answer.
            let _ = sender.send(Err(worker_lost()));
        }
        result
    }

    /// Reads and writes every link until one ends, or, once the pool is stopped, all have ended.
    async fn run(self: &Arc<Self>, id: WorkerId, worker: &mut Worker) -> io::Result<()> {
        let mut links = JoinSet::new();
        for thread in 0..worker.links.len() {
            let shared = Arc::clone(self);
            let all = Arc::clone(&worker.links);
            links.spawn(async move {
                let link = &all[thread];
                let lane = Lane { worker: id, thread };
                let limit = shared.config.max_answer;
                tokio::select! {
                    result = link.read(limit, |batch| shared.receive(lane, batch)) => result,
                    () = link.write() => Ok(()),
                }
            });
        }
        let mut stop = self.stop.subscribe();
        tokio::select! {
            ended = links.join_next() => return flatten(ended),
            _ = stop.wait_for(|stop| *stop) => {}
        }
        for link in &*worker.links {
            link.close();
        }
        while let Some(ended) = links.join_next().await {
            flatten(Some(ended))?;
        }
        worker.process.wait().await?;
        Ok(())
    }

    fn receive(&self, lane: Lane, batch: Vec<Received>) -> io::Result<()> {
        let now = Instant::now();
        let mut sends = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        let orders = {
            let mut state = lock(&self.state);
            for Received { header, body } in batch {
                let spent = Duration::from_micros(header.micros.into());
                let done = state
                    .dispatcher
                    .complete(now, lane, header.id, spent, &mut sends);
                let Caller(sender) = done.ok_or_else(|| {
                    io::Error::other(format!("an answer to {}, which was not asked", header.id))
                })?;
                answers.push((sender, header, body));
            }
            state.orders(sends)
        };
        carry_out(orders);
        for (sender, header, body) in answers {
            let answer = match body {
                Some(body) => Ok(Reply { header, body }),
                None => Err(self.too_large(header.length)),
            };
            // Whoever has left needs no answer; it has been taken off the socket all the same.
            let _ = sender.send(answer);
        }
        Ok(())
    }

    fn too_large(&self, bytes: u64) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the component's answer has {bytes} bytes, {} are allowed (--max-body-size, \
                 STREELING_MAX_BODY_SIZE)",
                self.config.max_answer
            ),
        )
    }
}

/// How a link's task ended.
fn flatten(ended: Option<std::result::Result<io::Result<()>, JoinError>>) -> io::Result<()> {
    ended.unwrap_or(Ok(Ok(()))).map_err(io::Error::other)?
}

fn worker_lost() -> Error {
    Error::new(
        ErrorKind::WorkerLost,
        "the worker that held the request is gone; try again",
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
