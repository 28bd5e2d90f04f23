//! Keeps every slot of the pool filled: replaces workers that are lost, spent or stuck.

use std::future::pending;
use std::ops::ControlFlow::{self, Break, Continue};
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::dispatch::Remedy;
use crate::end::End;
use crate::figures::Replaced;
use crate::pool::{Failure, Shared, lock};
use crate::seat::{Seat, worker_lost};
use crate::slots::Slot;
use crate::worker::{StartError, Worker};

/// The first pause before a lost worker is started again; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause before a lost worker is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often the workers are looked at for calls that do not come back.
const ROUND: Duration = Duration::from_millis(250);

/// What a keeper is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// This worker takes over; once it has, the other end is dropped.
    Take(Box<Worker>, oneshot::Sender<()>),
    /// The slot is closed: its worker finishes and ends.
    Leave,
}

type Start = Pin<Box<dyn Future<Output = Result<Worker, StartError>> + Send>>;

/// Keeps one slot filled.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    slot: usize,
    /// Nobody else has this number as long as one of its workers is there.
    _place: Arc<Slot>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Who is sent requests.
    current: Option<Arc<Seat>>,
    /// Who is to come next.
    successor: Option<Start>,
    /// The current worker and those that still finish.
    lives: JoinSet<End>,
    /// Failures in a row: of starts, and of workers that were lost before they were of use.
    failures: u32,
    /// Of these, those that came from outside while others served; they count for the pause alone.
    kills: u32,
}

/// The pause after so many failures in a row, at least one.
fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE * 2_u32.pow((failures - 1).min(16));
    doubled.min(LONGEST_PAUSE)
}

impl Keeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        place: Arc<Slot>,
        commands: mpsc::UnboundedReceiver<Command>,
        worker: Worker,
    ) -> Self {
        let mut keeper = Self {
            shared,
            slot: place.number,
            _place: place,
            commands,
            current: None,
            successor: None,
            lives: JoinSet::new(),
            failures: 0,
            kills: 0,
        };
        keeper.install(worker);
        keeper
    }

    /// Runs until the slot is closed, the pool is stopped, or it gives up.
    pub(crate) async fn keep(mut self) {
        let mut stop = self.shared.stop.subscribe();
        loop {
            let current = self.current.clone();
            let next = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => Break(()),
                command = self.commands.recv() => match command {
                    Some(Command::Take(worker, _until_then)) => {
                        self.successor = None;
                        self.failures = 0;
                        self.shared.counts.replaced(Replaced::Reload);
                        self.install(*worker);
                        Continue(())
                    }
                    Some(Command::Leave) | None => Break(()),
                },
                Some(ended) = self.lives.join_next() => self.ended(ended),
                () = spent(current.as_deref()), if self.successor.is_none() => {
                    tracing::debug!(worker = self.slot, "its successor is started");
                    self.start(Duration::ZERO);
                    Continue(())
                }
                started = come(&mut self.successor) => self.started(started),
            };
            if next.is_break() {
                break;
            }
        }
        self.finish().await;
    }

    /// Seats a worker; the one before it is sent nothing more.
    fn install(&mut self, worker: Worker) {
        let seat = self.shared.seat(self.slot, &worker);
        let serving = Arc::clone(&self.shared).serve(Arc::clone(&seat), worker);
        self.lives.spawn(serving);
        if let Some(before) = self.current.replace(seat) {
            self.shared.retire(before.id);
        }
    }

    /// Starts a worker after a pause.
    fn start(&mut self, pause: Duration) {
        let config = self.shared.config.worker.clone();
        let slot = self.slot;
        self.successor = Some(Box::pin(async move {
            tokio::time::sleep(pause).await;
            Worker::start(&config, slot).await
        }));
    }

    fn started(&mut self, started: Result<Worker, StartError>) -> ControlFlow<()> {
        self.successor = None;
        match started {
            Ok(worker) => {
                if self.current.is_some() {
                    self.failures = 0;
                }
                tracing::info!(
                    worker = self.slot,
                    "worker replaced; component loaded in {:.3} s",
                    worker.ready.load_seconds
                );
                let due = self.current.as_ref().and_then(|seat| seat.spent.why());
                self.shared.counts.replaced(due.unwrap_or(Replaced::Lost));
                self.install(worker);
                Continue(())
            }
            Err(error) => {
                let stays = self.current.as_ref().map_or("", |_| "; the old one stays");
                tracing::error!(worker = self.slot, "worker not replaced{stays}: {error}");
                self.shared.counts.failed();
                let killed =
                    matches!(&error, StartError::Exited { status, .. } if was_killed(status));
                self.failed(error, killed)
            }
        }
    }

    fn ended(&mut self, ended: Result<End, JoinError>) -> ControlFlow<()> {
        let end = match ended {
            Ok(end) => end,
            Err(error) if error.is_cancelled() => return Continue(()),
            Err(panic) => {
                tracing::error!(worker = self.slot, "worker given up: {panic}");
                // Which one it was is not known.
                self.lives.abort_all();
                if let Some(seat) = self.current.take() {
                    self.shared.remove(seat.id);
                }
                self.start(FIRST_PAUSE);
                return Continue(());
            }
        };
        if self.current.as_ref().is_none_or(|seat| seat.id != end.id) {
            self.farewell(&end);
            return Continue(());
        }
        self.current = None;
        tracing::error!(worker = self.slot, "worker lost: {end}");
        if let Some(how) = end.died() {
            self.shared.counts.died(how);
        }
        if !end.steady {
            let killed = !end.is_ours() && end.status.as_ref().is_ok_and(was_killed);
            return self.failed(StartError::Lost(end.to_string()), killed);
        }
        self.failures = 0;
        self.kills = 0;
        if self.successor.is_none() {
            self.start(FIRST_PAUSE);
        }
        Continue(())
    }

    /// Counts a failure, and tries again unless it was one too many.
    ///
    /// A process that was `killed` from outside, by an operator or for want of memory, says nothing about
    /// the component: as long as others serve, it does not count.
    fn failed(&mut self, error: StartError, killed: bool) -> ControlFlow<()> {
        if killed && *self.shared.live.borrow() > 0 {
            self.kills = self.kills.saturating_add(1);
            if self.successor.is_none() {
                self.start(pause(self.kills));
            }
            return Continue(());
        }
        self.failures = self.failures.saturating_add(1);
        if self.current.is_none() && self.failures >= self.shared.config.tries {
            self.shared.give_up(Failure {
                slot: self.slot,
                tries: self.failures,
                last: Arc::new(error),
            });
            return Break(());
        }
        if self.successor.is_none() {
            self.start(pause(self.failures));
        }
        Continue(())
    }

    /// Lets whoever is still there finish.
    async fn finish(mut self) {
        self.shared.counts.closed(self.slot);
        self.successor = None;
        if let Some(seat) = self.current.take() {
            self.shared.retire(seat.id);
        }
        while let Some(ended) = self.lives.join_next().await {
            if let Ok(end) = ended {
                self.farewell(&end);
            }
        }
    }

    fn farewell(&self, end: &End) {
        match end.died() {
            Some(how) => {
                tracing::warn!(worker = self.slot, "old worker lost: {end}");
                self.shared.counts.died(how);
            }
            None if end.is_ours() => {
                tracing::warn!(worker = self.slot, "old worker ended: {end}");
            }
            None => tracing::debug!(worker = self.slot, "old worker ended: {end}"),
        }
    }
}

fn was_killed(status: &ExitStatus) -> bool {
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

/// When the worker is to have a successor; never without one.
async fn spent(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.spent.told().await,
        None => pending().await,
    }
}

async fn come(successor: &mut Option<Start>) -> Result<Worker, StartError> {
    match successor {
        Some(start) => start.await,
        None => pending().await,
    }
}

impl Shared {
    fn give_up(&self, failure: Failure) {
        let nobody = {
            let mut state = lock(&self.state);
            state.over = true;
            state.dispatcher.live() == 0
        };
        if nobody {
            self.refuse(&worker_lost());
        }
        self.failed.send_replace(Some(failure));
    }
}

/// Looks for workers with calls that do not come back, until the pool is stopped.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // From then on `Pool::stop` bounds how long anything takes.
            _ = stop.wait_for(|stop| *stop) => return,
            _ = rounds.tick() => {}
        }
        let mut state = lock(&shared.state);
        for (id, remedy) in state.dispatcher.examine(Instant::now()) {
            if let Some(seat) = state.seat(id) {
                match remedy {
                    Remedy::Replace => seat.spent.tell(Replaced::Stuck),
                    Remedy::Kill => seat.stuck.notify_one(),
                }
            }
        }
    }
}
