//! One worker's part in the pool: requests to it, answers from it, from its first to its last.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinError, JoinSet};

use streeling_core::{Call, Error, ErrorKind, Stage};

use crate::dispatch::{Dispatcher, Lane, Removed, Send, Ticket, WorkerId};
use crate::end::{Cause, EXIT, End};
use crate::figures::Replaced;
use crate::link::{Link, Received};
use crate::pool::{Recycle, Shared, lock};
use crate::request::Pieces;
use crate::worker::Worker;

/// A worker that has served for so long, or has answered, is not part of a row of failures.
const STEADY: Duration = Duration::from_secs(10);

/// Answers that a worker has written before its end are there at once; this bounds the reading of
/// them where a process that it started, in a group of its own, keeps the sockets open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is locked while a request is handed out or an answer taken.
pub(crate) struct State {
    pub(crate) dispatcher: Dispatcher<Pieces, Caller>,
    pub(crate) seats: Vec<Arc<Seat>>,
    /// No worker is started any more; without one, requests are refused.
    pub(crate) over: bool,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) answer: oneshot::Sender<Answered>,
    /// Since when.
    pub(crate) since: Instant,
    /// The request, where somebody wants to know how long it waited.
    pub(crate) call: Option<Arc<Call>>,
}

/// The slot of the worker that answered, and its answer.
pub(crate) type Answered = Result<(usize, Received), Error>;

impl Caller {
    fn answer(self, answer: Answered) {
        // Whoever has left needs none.
        let _ = self.answer.send(answer);
    }
}

impl Ticket for Caller {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn sent(&self, now: Instant) {
        if let Some(call) = &self.call {
            call.note(Stage::Queue, self.since, now);
        }
    }
}

/// A worker that takes part, as others see it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) id: WorkerId,
    pub(crate) slot: usize,
    pub(crate) pid: u32,
    links: Arc<[Link]>,
    /// It is time for a successor, and why.
    pub(crate) spent: Due,
    /// It has been retired and owes nothing more.
    done: Notify,
    /// Nothing more can come of it.
    pub(crate) stuck: Notify,
}

/// That a successor is due, and why; of two reasons the later one stays.
#[derive(Debug, Default)]
pub(crate) struct Due {
    why: Mutex<Option<Replaced>>,
    told: Notify,
}

impl Due {
    pub(crate) fn tell(&self, why: Replaced) {
        *lock(&self.why) = Some(why);
        self.told.notify_one();
    }

    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    pub(crate) fn why(&self) -> Option<Replaced> {
        *lock(&self.why)
    }
}

/// What is to be written, with where; carried out when the state is no longer locked.
pub(crate) type Order = (Arc<[Link]>, Send<Pieces>);

impl State {
    fn orders(&self, sends: Vec<Send<Pieces>>) -> Vec<Order> {
        sends
            .into_iter()
            .filter_map(|send| self.order(send))
            .collect()
    }

    /// `None` when the worker has gone; whoever waits is told by who removes it.
    pub(crate) fn order(&self, send: Send<Pieces>) -> Option<Order> {
        let seat = self.seat(send.lane.worker)?;
        if send.spent {
            seat.spent.tell(Replaced::MaxRequests);
        }
        Some((Arc::clone(&seat.links), send))
    }

    pub(crate) fn seat(&self, id: WorkerId) -> Option<&Arc<Seat>> {
        self.seats.iter().find(|seat| seat.id == id)
    }

    fn tell_if_done(&self, id: WorkerId) {
        if self.dispatcher.is_done(id)
            && let Some(seat) = self.seat(id)
        {
            seat.done.notify_one();
        }
    }
}

pub(crate) fn carry_out(orders: impl IntoIterator<Item = Order>) {
    for (links, send) in orders {
        links[send.lane.thread].send(send.payload, send.awaited);
    }
}

impl Shared {
    /// Gives a worker a seat: from now on it is sent requests. Whoever seats it runs
    /// [`Shared::serve`].
    pub(crate) fn seat(&self, slot: usize, worker: &Worker) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            id: self.next_worker.fetch_add(1, Ordering::Relaxed),
            slot,
            pid: worker.process.id(),
            links: Arc::clone(&worker.links),
            spent: Due::default(),
            done: Notify::new(),
            stuck: Notify::new(),
        });
        self.component.set(worker.ready.clone());
        self.counts.started(slot, worker.ready.load_seconds);
        let allowance = self.config.recycle.map(draw);
        let orders = {
            let mut state = lock(&self.state);
            state.seats.push(Arc::clone(&seat));
            let threads = worker.links.len();
            let sends = state
                .dispatcher
                .add_worker(Instant::now(), seat.id, threads, allowance);
            self.count(&state);
            state.orders(sends)
        };
        carry_out(orders);
        seat
    }

    /// Sends a worker nothing more. Once it owes nothing it ends in order.
    pub(crate) fn retire(&self, id: WorkerId) {
        let mut state = lock(&self.state);
        state.dispatcher.retire_worker(Instant::now(), id);
        state.tell_if_done(id);
        self.count(&state);
    }

    /// Takes a worker off; whoever still waits for it is told. Says whether it has ever answered.
    pub(crate) fn remove(&self, id: WorkerId) -> bool {
        let Removed { tickets, answered } = {
            let mut state = lock(&self.state);
            state.seats.retain(|seat| seat.id != id);
            let removed = state.dispatcher.remove_worker(id);
            self.count(&state);
            removed
        };
        for caller in tickets {
            caller.answer(Err(worker_lost()));
        }
        answered
    }

    /// Answers everyone who waits for a worker, and from now on refuses while there is none.
    pub(crate) fn refuse(&self, error: &Error) {
        let waiting = {
            let mut state = lock(&self.state);
            state.over = true;
            state.dispatcher.give_up_queue()
        };
        for caller in waiting {
            caller.answer(Err(error.clone()));
        }
    }

    /// Takes off whatever is left when the tasks have been ended.
    pub(crate) fn abandon(&self) {
        let ids: Vec<WorkerId> = lock(&self.state).seats.iter().map(|seat| seat.id).collect();
        for id in ids {
            self.remove(id);
        }
        self.refuse(&worker_lost());
    }

    fn count(&self, state: &State) {
        let now = state.dispatcher.live();
        self.live.send_if_modified(|live| {
            let before = std::mem::replace(live, now);
            before != now
        });
    }

    /// Lets a worker take part until it ends, breaks the protocol, is stuck, or has been retired and
    /// has ended in order. Whoever still waits for it then is told.
    pub(crate) async fn serve(self: Arc<Self>, seat: Arc<Seat>, mut worker: Worker) -> End {
        let since = Instant::now();
        let mut links = JoinSet::new();
        for thread in 0..worker.links.len() {
            let shared = Arc::clone(&self);
            let all = Arc::clone(&worker.links);
            let (id, slot) = (seat.id, seat.slot);
            links.spawn(async move {
                let link = &all[thread];
                let lane = Lane { worker: id, thread };
                let limit = shared.config.max_answer;
                tokio::select! {
                    result = link.read(limit, |batch| shared.receive(slot, lane, batch)) => result,
                    () = link.write() => Ok(()),
                }
            });
        }
        let cause = tokio::select! {
            ended = links.join_next() => match flatten(ended) {
                Ok(()) => Cause::Itself,
                Err(fault) => Cause::Fault(fault),
            },
            // A process that the component has started may hold the sockets open.
            _ = worker.process.wait() => Cause::Itself,
            () = seat.stuck.notified() => Cause::Fault(io::Error::other(
                "none of its threads has come back from calls whose time was up",
            )),
            () = seat.done.notified() => finish(&mut worker, &mut links).await,
        };
        self.retire(seat.id);
        worker.process.kill();
        let rest = async { while links.join_next().await.is_some() {} };
        // What has not been read by then is answered as lost.
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        let answered = self.remove(seat.id);
        End {
            id: seat.id,
            steady: answered || since.elapsed() >= STEADY,
            cause,
            status: worker.process.wait().await,
        }
    }

    fn receive(&self, slot: usize, lane: Lane, batch: Vec<Received>) -> io::Result<()> {
        let now = Instant::now();
        let mut sends = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        let orders = {
            let mut state = lock(&self.state);
            for received in batch {
                let header = &received.header;
                let spent = Duration::from_micros(header.extent.into());
                let done = state
                    .dispatcher
                    .complete(now, lane, header.id, spent, &mut sends);
                let caller = done.ok_or_else(|| {
                    io::Error::other(format!("an answer to {}, which was not asked", header.id))
                })?;
                answers.push((caller, received));
            }
            state.tell_if_done(lane.worker);
            state.orders(sends)
        };
        carry_out(orders);
        for (caller, received) in answers {
            caller.answer(Ok((slot, received)));
        }
        Ok(())
    }
}

/// Tells every thread of a worker that nothing more comes, and waits for the process to end.
async fn finish(worker: &mut Worker, links: &mut JoinSet<io::Result<()>>) -> Cause {
    for link in &*worker.links {
        link.close();
    }
    let ended = async {
        while let Some(ended) = links.join_next().await {
            flatten(Some(ended))?;
        }
        worker.process.wait().await
    };
    match tokio::time::timeout(EXIT, ended).await {
        Ok(Ok(_)) => Cause::Told,
        Ok(Err(fault)) => Cause::Fault(fault),
        Err(_) => Cause::Lingers,
    }
}

/// How a link's task ended.
fn flatten(ended: Option<Result<io::Result<()>, JoinError>>) -> io::Result<()> {
    ended.unwrap_or(Ok(Ok(()))).map_err(io::Error::other)?
}

/// How many requests a worker is to be given.
fn draw(Recycle { after, jitter }: Recycle) -> u64 {
    use std::hash::{BuildHasher, RandomState};

    let random = RandomState::new().hash_one(());
    u64::from(after.max(1)) + random % (u64::from(jitter) + 1)
}

pub(crate) fn worker_lost() -> Error {
    Error::new(
        ErrorKind::WorkerLost,
        "the worker that held the request is gone; try again",
    )
}
