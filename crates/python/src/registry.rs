//! The workers of a pool: hands requests out to them and takes their responses.

mod reports;
mod snapshot;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use streeling_core::Error;

use crate::clock;
use crate::connection::{Connection, Received};
use crate::dispatch::{
    Assignment, ConnectionId, Dispatcher, QueuedRequest, Removed, Sends, Submitted, TICK, TakeOver,
    Threads, Work, WorkerId,
};
use crate::frame::{Header, Kind, Pieces};
use crate::handle::{KillReason, KillRequest, ReplaceRequest, WorkerHandle};
use crate::lock::lock;
use crate::memory::{self, Look};
use crate::responder::{Lost, ResponseSender, hung, out_of_memory, worker_lost};
use crate::statistics::ReplaceReason;
use crate::subject::OwnedSubject;
use crate::worker::Worker;

/// The workers of a pool, and the requests that are queued for them or in flight.
pub(crate) struct Registry {
    state: Mutex<State>,
    next_request: AtomicU64,
    next_worker: AtomicU64,
    live: watch::Sender<usize>,
    /// Requests wait for others, so that [`Registry::tick`] has something to do.
    notify_ticks: Notify,
}

/// What is locked while a request is handed out or a response taken.
struct State {
    dispatcher: Dispatcher<Pieces, ResponseSender>,
    workers: Vec<Arc<WorkerHandle>>,
    /// No worker is added any more; while none is live, requests are refused.
    is_closed: bool,
    /// [`Registry::tick`] has been notified.
    is_ticking: bool,
}

/// What a removed worker leaves behind.
pub(crate) struct Leftovers {
    /// It has responded to some request.
    pub(crate) has_responded: bool,
    /// Requests that were in flight on it.
    pub(crate) requests: usize,
    /// The one that it has died of, if its caller has given it up; otherwise the caller has it.
    pub(crate) suspect: Option<Box<OwnedSubject>>,
}

/// Why a request was neither sent nor queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no worker, and there will be none.
    NoWorker,
    QueueFull,
}

/// How many requests and threads there are right now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) queued: usize,
    pub(crate) in_flight: usize,
    pub(crate) threads: Threads,
}

/// A frame and where it goes. It is made while the state is locked, and written when it is not.
struct Write {
    connections: Arc<[Connection]>,
    thread: usize,
    frame: Pieces,
    is_urgent: bool,
}

impl Write {
    fn run(self) {
        self.connections[self.thread].send(self.frame, self.is_urgent);
    }
}

impl State {
    /// `None` when the worker has gone; its removal fails the request.
    fn write(&self, assignment: Assignment<Pieces>) -> Option<Write> {
        let worker = self.worker(assignment.connection.worker)?;
        if assignment.recycle_requested {
            worker.replace.make(ReplaceReason::MaxRequests);
        }
        Some(Write {
            connections: Arc::clone(&worker.connections),
            thread: assignment.connection.thread,
            frame: assignment.payload,
            is_urgent: assignment.is_urgent,
        })
    }

    fn take_over(&self, take_over: TakeOver) -> Option<Write> {
        let TakeOver { connection, from } = take_over;
        let header = Header {
            count: u32::try_from(from).ok()?,
            ..Header::control(Kind::TakeOver, 0)
        };
        Some(Write {
            connections: Arc::clone(&self.worker(connection.worker)?.connections),
            thread: connection.thread,
            frame: vec![Bytes::copy_from_slice(&header.encode())],
            is_urgent: true,
        })
    }

    fn writes(&self, sends: Sends<Pieces>) -> Vec<Write> {
        let take_overs = sends.take_overs.into_iter();
        let take_overs = take_overs.filter_map(|take_over| self.take_over(take_over));
        let assignments = sends.assignments.into_iter();
        take_overs
            .chain(assignments.filter_map(|assignment| self.write(assignment)))
            .collect()
    }

    fn worker(&self, id: WorkerId) -> Option<&Arc<WorkerHandle>> {
        self.workers.iter().find(|worker| worker.id == id)
    }

    fn notify_if_drained(&self, id: WorkerId) {
        if self.dispatcher.is_drained(id)
            && let Some(worker) = self.worker(id)
        {
            worker.drained.notify_one();
        }
    }
}

impl Registry {
    /// A registry without workers; `max_queue` requests may wait for one, and a call may take so
    /// long.
    pub(crate) fn new(max_queue: usize, hang_timeout: Option<Duration>) -> Self {
        let mut dispatcher = Dispatcher::new(max_queue);
        dispatcher.set_hang_timeout(hang_timeout);
        Self {
            state: Mutex::new(State {
                dispatcher,
                workers: Vec::new(),
                is_closed: false,
                is_ticking: false,
            }),
            next_request: AtomicU64::new(1),
            next_worker: AtomicU64::new(0),
            live: watch::Sender::new(0),
            notify_ticks: Notify::new(),
        }
    }

    /// An id for a request that no other request has.
    pub(crate) fn next_request_id(&self) -> u64 {
        self.next_request.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request to a worker, or queues it.
    pub(crate) fn submit(
        &self,
        request: QueuedRequest<Pieces, ResponseSender>,
    ) -> Result<(), Refused> {
        let write = {
            let mut state = lock(&self.state);
            if state.is_closed && state.dispatcher.live() == 0 {
                return Err(Refused::NoWorker);
            }
            let write = match state.dispatcher.submit(Instant::now(), request) {
                Submitted::Assigned(assignment) => state.write(assignment),
                Submitted::Queued => None,
                Submitted::Full(_) => return Err(Refused::QueueFull),
            };
            let is_behind = write.as_ref().is_none_or(|write| !write.is_urgent);
            if is_behind && !state.is_ticking {
                state.is_ticking = true;
                self.notify_ticks.notify_one();
            }
            write
        };
        if let Some(write) = write {
            write.run();
        }
        Ok(())
    }

    /// Takes responses from a worker; one to a request that is not in flight there is an error.
    pub(crate) fn complete(
        &self,
        slot: usize,
        connection: ConnectionId,
        batch: Vec<Received>,
    ) -> io::Result<()> {
        let now = Instant::now();
        let mut sends = Sends::default();
        let mut responses = Vec::with_capacity(batch.len());
        let writes = {
            let mut state = lock(&self.state);
            for received in batch {
                let Header {
                    length,
                    kind,
                    id,
                    count,
                    moment,
                    ..
                } = received.header;
                let unknown = || {
                    io::Error::other(format!("a response to request {id}, which is not its own"))
                };
                if kind == Kind::Taken {
                    let running = (count != 0).then_some(id);
                    let taken = state.dispatcher.taken(now, connection, running);
                    sends.append(taken.ok_or_else(unknown)?);
                    continue;
                }
                let work = (moment != 0).then(|| Work {
                    entered: clock::from_worker(moment),
                    took: Duration::from_micros(count.into()),
                    response: length,
                });
                let responder = state
                    .dispatcher
                    .complete(now, connection, id, work, &mut sends)
                    .ok_or_else(unknown)?;
                responses.push((responder, received));
            }
            state.notify_if_drained(connection.worker);
            state.writes(sends)
        };
        writes.into_iter().for_each(Write::run);
        for (responder, received) in responses {
            responder.send(Ok((slot, received)));
        }
        Ok(())
    }

    /// Adds a worker: from now on it is sent requests, beginning with those that are queued, over
    /// the first `threads` of its connections. After `max_requests` of them it is to be replaced.
    pub(crate) fn add(
        &self,
        slot: usize,
        worker: &Worker,
        threads: usize,
        max_requests: Option<u64>,
    ) -> Arc<WorkerHandle> {
        let handle = Arc::new(WorkerHandle {
            id: self.next_worker.fetch_add(1, Ordering::Relaxed),
            slot,
            pid: worker.process.id(),
            since: Instant::now(),
            connections: Arc::clone(&worker.connections),
            stacks: Arc::clone(&worker.stacks),
            cancel: worker.cancel.clone(),
            is_reported: AtomicBool::new(false),
            replace: ReplaceRequest::default(),
            drained: Notify::new(),
            kill: KillRequest::default(),
            memory: Mutex::default(),
        });
        let writes = {
            let mut state = lock(&self.state);
            state.workers.push(Arc::clone(&handle));
            let assignments =
                state
                    .dispatcher
                    .add_worker(Instant::now(), handle.id, threads, max_requests);
            self.update_live(&state);
            state.writes(Sends {
                assignments,
                ..Sends::default()
            })
        };
        writes.into_iter().for_each(Write::run);
        handle
    }

    /// Sends a worker no more requests. It ends when nothing is in flight on it.
    pub(crate) fn retire(&self, id: WorkerId) {
        let mut state = lock(&self.state);
        state.dispatcher.retire_worker(Instant::now(), id);
        state.notify_if_drained(id);
        self.update_live(&state);
    }

    /// Removes a worker, and fails what is in flight on it, also for the reason why it was killed.
    /// Where it has died, and had a single request, that one may be why.
    pub(crate) fn remove(
        &self,
        id: WorkerId,
        killed: Option<KillReason>,
        has_died: bool,
    ) -> Leftovers {
        let removed = {
            let mut state = lock(&self.state);
            state.workers.retain(|worker| worker.id != id);
            let removed = state.dispatcher.remove_worker(id);
            self.update_live(&state);
            removed
        };
        let Removed {
            responders,
            has_responded,
        } = removed;
        let requests = responders.len();
        let was_alone = has_died && requests == 1;
        let error = match killed {
            Some(reason @ KillReason::Memory { .. }) => out_of_memory(reason, was_alone),
            Some(KillReason::Stuck | KillReason::Abandoned) | None => worker_lost(),
        };
        let mut suspect = None;
        for mut responder in responders {
            if was_alone {
                suspect = responder.kept.take();
            }
            let error = responder.hung.map_or_else(|| error.clone(), hung);
            responder.send(Err(Lost { error, was_alone }));
        }
        Leftovers {
            has_responded,
            requests,
            suspect,
        }
    }

    /// Notes that the caller of a request that is in flight has given it up: it is kept until there
    /// is a response, and cancelled where it can be.
    pub(crate) fn give_up(&self, id: u64, subject: Option<Box<OwnedSubject>>) {
        let mut state = lock(&self.state);
        let Some((worker, responder)) = state.dispatcher.responder(id) else {
            return;
        };
        responder.kept = subject;
        let worker = state.worker(worker);
        let cancel = worker.and_then(|worker| worker.cancel.clone());
        drop(state);
        // Without a runtime the server is going down.
        if let Some(control) = cancel
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                // A worker that is gone has nothing to cancel.
                let _ = control
                    .send(Kind::Cancel, format!("{{\"id\":{id}}}").as_bytes())
                    .await;
            });
        }
    }

    /// Fails everything that is queued, and from now on refuses requests while no worker is live.
    pub(crate) fn refuse(&self, error: &Error) {
        let queued = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            state.dispatcher.clear_queue()
        };
        for responder in queued {
            responder.send(Err(error.clone().into()));
        }
    }

    /// No worker is added any more: from now on refuses requests while no worker is live.
    pub(crate) fn close(&self) {
        let is_empty = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            state.dispatcher.live() == 0
        };
        if is_empty {
            self.refuse(&worker_lost());
        }
    }

    /// Removes all workers and fails all requests, when the tasks that served them have ended.
    pub(crate) fn abandon(&self) {
        let workers = lock(&self.state).workers.clone();
        for worker in workers {
            self.remove(worker.id, None, false);
        }
        self.refuse(&worker_lost());
    }

    /// While requests wait for others, has them sent or moved where that does not depend on a
    /// response; runs for as long as the pool does.
    pub(crate) async fn tick(&self) {
        loop {
            self.notify_ticks.notified().await;
            while self.tick_once().await {}
        }
    }

    /// The same for as long as requests are in flight.
    pub(crate) async fn tick_to_the_end(&self) {
        while lock(&self.state).dispatcher.in_flight() > 0 {
            self.tick_once().await;
        }
    }

    /// Whether requests still wait for others.
    async fn tick_once(&self) -> bool {
        tokio::time::sleep(TICK).await;
        let (writes, is_ticking) = {
            let mut state = lock(&self.state);
            let sends = state.dispatcher.tick(Instant::now());
            state.is_ticking = state.dispatcher.needs_tick();
            (state.writes(sends), state.is_ticking)
        };
        writes.into_iter().for_each(Write::run);
        is_ticking
    }

    /// Looks for workers that take more than `limit` bytes of memory, and has them replaced or
    /// killed.
    pub(crate) fn check_memory(&self, limit: u64) {
        let workers = lock(&self.state).workers.clone();
        for worker in workers {
            let Some(resident) = memory::resident(worker.pid) else {
                continue;
            };
            let progress = lock(&self.state).dispatcher.progress(worker.id);
            let Some((ended, in_flight)) = progress else {
                continue;
            };
            match lock(&worker.memory).look(resident, limit, ended, in_flight) {
                Look::Fine => {}
                Look::Replace => {
                    if worker.replace.make_once(ReplaceReason::Memory) {
                        tracing::warn!(
                            worker = worker.slot,
                            "it takes {resident} bytes of memory, allowed are {limit} \
                             (--worker-memory, STREELING_WORKER_MEMORY): a successor is started"
                        );
                    }
                }
                Look::Kill => worker.kill.make(KillReason::Memory { resident, limit }),
            }
        }
    }

    /// Workers that are sent requests.
    pub(crate) fn live(&self) -> usize {
        *self.live.borrow()
    }

    /// The same, to be notified of changes.
    pub(crate) fn subscribe_live(&self) -> watch::Receiver<usize> {
        self.live.subscribe()
    }

    pub(crate) fn load(&self) -> Load {
        let state = lock(&self.state);
        Load {
            queued: state.dispatcher.queued(),
            in_flight: state.dispatcher.in_flight(),
            threads: state.dispatcher.threads(),
        }
    }

    /// The process id of the newest worker of each slot.
    pub(crate) fn processes(&self) -> BTreeMap<usize, u32> {
        let state = lock(&self.state);
        let workers = state.workers.iter();
        workers.map(|worker| (worker.slot, worker.pid)).collect()
    }

    fn update_live(&self, state: &State) {
        let now = state.dispatcher.live();
        self.live.send_if_modified(|live| {
            let before = std::mem::replace(live, now);
            before != now
        });
    }
}
