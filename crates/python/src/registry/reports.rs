//! What is logged of workers whose calls do not return in time.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use streeling_core::RequestContext;

use super::{Registry, State};
use crate::dispatch::{HealthAction, Running};
use crate::frame::Call;
use crate::handle::{KillReason, WorkerHandle};
use crate::lock::lock;
use crate::responder::ResponseSender;
use crate::statistics::ReplaceReason;
use crate::summary::Summary;

/// Requests that a report shows one by one.
const SHOWN: usize = 8;

/// A worker whose calls do not return in time, and what it runs.
pub(crate) struct Report {
    worker: Arc<WorkerHandle>,
    /// Why it is killed once its stacks are in the log, if it is.
    kill: Option<KillReason>,
    /// The oldest first.
    requests: Vec<Shown>,
}

/// A request as reports show it.
struct Shown {
    request: Option<Arc<RequestContext>>,
    call: Call,
    summary: Summary,
    age: Duration,
}

impl Registry {
    /// Looks for workers with calls that do not return, and has them replaced. Those that are to be
    /// killed are so by their report, which is to be run; so are those of late requests.
    pub(crate) fn check_health(&self) -> Vec<Report> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let mut reports = Vec::new();
        for (id, action) in state.dispatcher.check_health(now) {
            if let Some(worker) = state.worker(id) {
                let reason = match action {
                    HealthAction::Replace => {
                        worker.replace.make(ReplaceReason::Stuck);
                        continue;
                    }
                    HealthAction::Kill => KillReason::Stuck,
                    HealthAction::GiveUp => KillReason::Abandoned,
                };
                if !worker.is_reported.swap(true, Ordering::Relaxed) {
                    reports.push(state.report(worker, now, Some(reason)));
                }
            }
        }
        for id in state.dispatcher.newly_late(now) {
            if let Some(worker) = state.worker(id)
                && !worker.is_reported.load(Ordering::Relaxed)
            {
                reports.push(state.report(worker, now, None));
            }
        }
        reports
    }
}

impl State {
    fn report(&self, worker: &Arc<WorkerHandle>, now: Instant, kill: Option<KillReason>) -> Report {
        let running = self.dispatcher.running(worker.id);
        let mut requests: Vec<Shown> = running
            .filter(|one| kill.is_some() || one.deadline.is_some_and(|deadline| now > deadline))
            .map(|one| Shown::new(&one, now))
            .collect();
        requests.sort_by_key(|one| Reverse(one.age));
        Report {
            worker: Arc::clone(worker),
            kill,
            requests,
        }
    }
}

impl Shown {
    fn new(running: &Running<'_, ResponseSender>, now: Instant) -> Self {
        let ResponseSender {
            since,
            request,
            summary,
            ..
        } = running.responder;
        let started = request.as_ref().map_or(*since, |request| request.started);
        Self {
            request: request.clone(),
            call: running.call,
            summary: *summary,
            age: now.saturating_duration_since(started),
        }
    }
}

impl Report {
    /// Logs it with the stacks of the worker, which is killed then if it is to be.
    pub(crate) async fn run(self) {
        let stacks = self.worker.stacks.read().await;
        self.log(&stacks);
        if let Some(reason) = self.kill {
            self.worker.kill.make(reason);
        }
    }

    fn log(&self, stacks: &str) {
        let what = match self.kill {
            Some(_) => "the worker is killed, since no call of it returns",
            None => "a request runs past its deadline",
        };
        let first = self.requests.first();
        let id = first.and_then(|first| first.request.as_ref());
        tracing::warn!(
            worker = self.worker.slot,
            pid = self.worker.pid,
            request_id = id.map(|request| tracing::field::display(&request.id)),
            method = first.map(|first| first.call.name()),
            shape = first.map(|first| tracing::field::display(first.summary)),
            bytes = first.map(|first| first.summary.bytes),
            age_seconds = first.map(|first| rounded(first.age)),
            "{what}{}; its stacks:\n{stacks}",
            Others(self.requests.get(1..).unwrap_or_default()),
        );
    }
}

/// The requests beside the first, in parentheses.
struct Others<'a>(&'a [Shown]);

impl std::fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, one) in self.0.iter().take(SHOWN).enumerate() {
            f.write_str(if at == 0 { " (beside it " } else { "; " })?;
            if let Some(request) = &one.request {
                write!(f, "{} ", request.id)?;
            }
            let (name, age) = (one.call.name(), rounded(one.age));
            write!(f, "{name} of {} for {age} s", one.summary)?;
        }
        if self.0.len() > SHOWN {
            write!(f, "; {} more", self.0.len() - SHOWN)?;
        }
        if !self.0.is_empty() {
            f.write_char(')')?;
        }
        Ok(())
    }
}

/// In seconds, to the millisecond.
fn rounded(age: Duration) -> f64 {
    age.as_millis() as f64 / 1e3
}
