//! Keeps every worker slot of a pool filled: replaces workers that are lost, recycled or stuck.

use std::future::pending;
use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::config::Recycle;
use crate::connection::Limits;
use crate::error::StartError;
use crate::exit::{WorkerExit, is_sigkill};
use crate::handle::WorkerHandle;
use crate::held::record_later;
use crate::serve::serve;
use crate::shared::{Failure, Shared};
use crate::slot::WorkerSlot;
use crate::statistics::ReplaceReason;
use crate::worker::Worker;

/// The pause before a worker that has been lost for a second time in a row is started again; it
/// doubles with each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause before a lost worker is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The same where it was lost with its first requests: others wait, and one of them may be served.
const LONGEST_PAUSE_AFTER_REQUEST: Duration = Duration::from_secs(1);

/// How often the workers are checked for calls that do not return.
const HEALTH_INTERVAL: Duration = Duration::from_millis(250);

/// How often their memory is looked at, where it is limited: one look takes some 20 µs.
const MEMORY_INTERVAL: Duration = Duration::from_millis(100);

/// A command to the supervisor of a slot.
#[derive(Debug)]
pub(crate) enum Command {
    /// This worker takes over; once it has, the other end is dropped.
    Install(Box<Worker>, oneshot::Sender<()>),
    /// The slot is closed: its worker finishes and ends.
    Close,
}

type Start = Pin<Box<dyn Future<Output = Result<Worker, StartError>> + Send>>;

/// Keeps one slot filled.
pub(crate) struct SlotSupervisor {
    shared: Arc<Shared>,
    slot: Arc<WorkerSlot>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// The worker that is sent requests.
    current: Option<Arc<WorkerHandle>>,
    /// The worker that is being started.
    successor: Option<Start>,
    /// The tasks that serve the current worker, and retired ones that still finish.
    serving: JoinSet<WorkerExit>,
    /// Failures in a row: of starts, and of workers that were lost before they were of use.
    failures: u32,
    /// Workers in a row that were killed from outside while others served, or were lost with their
    /// first requests; they count for the pause alone.
    restarts: u32,
}

impl SlotSupervisor {
    /// Supervises a slot, beginning with this worker.
    pub(crate) fn new(
        shared: Arc<Shared>,
        slot: Arc<WorkerSlot>,
        commands: mpsc::UnboundedReceiver<Command>,
        worker: Worker,
    ) -> Self {
        let mut supervisor = Self {
            shared,
            slot,
            commands,
            current: None,
            successor: None,
            serving: JoinSet::new(),
            failures: 0,
            restarts: 0,
        };
        supervisor.install(worker);
        supervisor
    }

    /// Runs until the slot is closed, the pool is stopped, or it gives up.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut stopped = std::pin::pin!(shared.stopped());
        loop {
            let current = self.current.clone();
            let next = tokio::select! {
                () = &mut stopped => Break(()),
                command = self.commands.recv() => match command {
                    Some(Command::Install(worker, _installed)) => {
                        self.successor = None;
                        self.failures = 0;
                        self.shared.statistics.record_replacement(ReplaceReason::Reload);
                        self.install(*worker);
                        Continue(())
                    }
                    Some(Command::Close) | None => Break(()),
                },
                Some(exit) = self.serving.join_next() => self.on_exit(exit),
                () = replace_requested(current.as_deref()), if self.successor.is_none() => {
                    tracing::debug!(worker = self.slot.number, "its successor is started");
                    self.start_successor(Duration::ZERO);
                    Continue(())
                }
                started = next_start(&mut self.successor) => self.on_start(started),
            };
            if next.is_break() {
                break;
            }
        }
        self.finish().await;
    }

    /// Has a worker serve; the one before it is sent nothing more.
    fn install(&mut self, worker: Worker) {
        let shared = &self.shared;
        shared.component.set(worker.ready.clone());
        shared
            .statistics
            .record_start(self.slot.number, worker.ready.load_time());
        let max_requests = shared.config.recycle.map(Recycle::draw);
        let threads = worker.concurrency(&shared.config.worker);
        let number = self.slot.number;
        let handle = shared.registry.add(number, &worker, threads, max_requests);
        self.serving.spawn(serve(
            Arc::clone(&shared.registry),
            Arc::clone(&handle),
            worker,
            Limits {
                size: shared.config.max_response,
                account: shared.config.budget.account(),
            },
        ));
        if let Some(before) = self.current.replace(handle) {
            self.shared.registry.retire(before.id);
        }
    }

    /// Starts a worker after a pause.
    fn start_successor(&mut self, pause: Duration) {
        let shared = Arc::clone(&self.shared);
        let slot = self.slot.number;
        self.successor = Some(Box::pin(async move {
            tokio::time::sleep(pause).await;
            let generation = shared.generation();
            // It waits for as long as the system lacks something, which counts for nothing.
            shared.start_worker(&generation, slot, None).await
        }));
    }

    /// The successor has been started, or could not be.
    fn on_start(&mut self, started: Result<Worker, StartError>) -> ControlFlow<()> {
        self.successor = None;
        match started {
            Ok(worker) => {
                if self.current.is_some() {
                    self.failures = 0;
                }
                tracing::info!(
                    worker = self.slot.number,
                    pid = worker.process.id(),
                    "worker replaced; component loaded in {:.3} s",
                    worker.ready.load_time().as_secs_f64()
                );
                let requested = self.current.as_ref().and_then(|old| old.replace.reason());
                let reason = requested.unwrap_or(ReplaceReason::Lost);
                self.shared.statistics.record_replacement(reason);
                self.install(worker);
                Continue(())
            }
            Err(error) => {
                let stays = self.current.as_ref().map_or("", |_| "; the old one stays");
                tracing::error!(
                    worker = self.slot.number,
                    "worker not replaced{stays}: {error}"
                );
                self.shared.statistics.record_start_failure();
                let is_killed =
                    matches!(&error, StartError::Exited { status, .. } if is_sigkill(status));
                self.on_failure(error, is_killed)
            }
        }
    }

    /// A worker has ended, the current one or one that was retired.
    fn on_exit(&mut self, exit: Result<WorkerExit, JoinError>) -> ControlFlow<()> {
        let mut exit = match exit {
            Ok(exit) => exit,
            Err(error) if error.is_cancelled() => return Continue(()),
            Err(panic) => {
                tracing::error!(worker = self.slot.number, "worker given up: {panic}");
                // It is not known which worker's task it was.
                self.serving.abort_all();
                if let Some(current) = self.current.take() {
                    let registry = &self.shared.registry;
                    registry.remove(current.id, None, false);
                }
                self.start_successor(FIRST_PAUSE);
                return Continue(());
            }
        };
        if let Some(suspect) = exit.suspect.take() {
            record_later(&self.shared, suspect);
        }
        let current = self.current.take_if(|current| current.id == exit.worker);
        if current.is_none() {
            self.on_retired_exit(&exit);
            return Continue(());
        }
        tracing::error!(worker = self.slot.number, "worker lost: {exit}");
        if let Some(reason) = exit.loss() {
            self.shared.statistics.record_loss(reason);
        }
        if !exit.was_stable && exit.requests > 0 {
            // A request may be why; the component has shown that it can be loaded.
            self.restart(LONGEST_PAUSE_AFTER_REQUEST);
            return Continue(());
        }
        if !exit.was_stable {
            let is_killed = exit.is_killed_from_outside();
            return self.on_failure(StartError::Lost(exit.to_string()), is_killed);
        }
        self.failures = 0;
        self.restarts = 0;
        if self.successor.is_none() {
            self.start_successor(Duration::ZERO);
        }
        Continue(())
    }

    fn on_retired_exit(&self, exit: &WorkerExit) {
        let worker = self.slot.number;
        match exit.loss() {
            Some(reason) => {
                tracing::warn!(worker, "old worker lost: {exit}");
                self.shared.statistics.record_loss(reason);
            }
            None if exit.is_killed_by_server() => {
                tracing::warn!(worker, "old worker ended: {exit}");
            }
            None => tracing::debug!(worker, "old worker ended: {exit}"),
        }
    }

    /// Counts a failure, and tries again unless that was the last try.
    ///
    /// That a worker was killed from outside, by an operator or for want of memory, does not show
    /// that the component is at fault: while others serve it does not count.
    fn on_failure(&mut self, error: StartError, is_killed: bool) -> ControlFlow<()> {
        if is_killed && self.shared.registry.live() > 0 {
            self.restart(LONGEST_PAUSE);
            return Continue(());
        }
        self.failures = self.failures.saturating_add(1);
        if self.current.is_none() && self.failures >= self.shared.config.tries {
            self.shared.registry.close();
            self.shared.failure.send_replace(Some(Failure {
                slot: self.slot.number,
                tries: self.failures,
                last: Arc::new(error),
            }));
            return Break(());
        }
        if self.successor.is_none() {
            self.start_successor(pause(self.failures));
        }
        Continue(())
    }

    /// Starts a worker again, of whose end the component is not known to be the reason.
    fn restart(&mut self, longest: Duration) {
        self.restarts = self.restarts.saturating_add(1);
        if self.successor.is_none() {
            self.start_successor(pause(self.restarts).min(longest));
        }
    }

    /// Retires the current worker, and waits until all workers of the slot have ended.
    async fn finish(mut self) {
        self.shared.statistics.forget_slot(self.slot.number);
        self.successor = None;
        if let Some(current) = self.current.take() {
            self.shared.registry.retire(current.id);
        }
        while let Some(exit) = self.serving.join_next().await {
            if let Ok(exit) = exit {
                self.on_retired_exit(&exit);
            }
        }
    }
}

/// The pause after so many failures in a row: none after the first.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(doublings.min(16))),
    }
}

/// Ready when the worker is to be replaced; never without one.
async fn replace_requested(worker: Option<&WorkerHandle>) {
    match worker {
        Some(worker) => worker.replace.made().await,
        None => pending().await,
    }
}

/// Ready when the successor has been started; never without one.
async fn next_start(successor: &mut Option<Start>) -> Result<Worker, StartError> {
    match successor {
        Some(start) => start.await,
        None => pending().await,
    }
}

/// Looks for workers with calls that do not return, until the pool is stopped: from then on the
/// grace of the stop bounds how long anything takes.
pub(crate) async fn check_health(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(HEALTH_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let check = async {
        loop {
            interval.tick().await;
            for report in shared.registry.check_health() {
                // There is at most one of each kind for a worker, and each takes some seconds.
                tokio::spawn(report.run());
            }
        }
    };
    tokio::select! {
        () = shared.stopped() => {}
        () = check => {}
        () = check_memory(&shared) => {}
        () = shared.registry.tick() => {}
    }
    shared.registry.tick_to_the_end().await;
}

/// Looks for workers that take too much memory, where there is a limit.
async fn check_memory(shared: &Shared) {
    let Some(limit) = shared.config.worker_memory else {
        return pending().await;
    };
    let mut interval = tokio::time::interval(MEMORY_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        shared.registry.check_memory(limit);
    }
}
