//! What waits for the exporter: bounded, and never in a request's way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streeling_core::Figure;

use super::config::Limits;
use super::record::Finished;

/// Requests that wait, and what has become of those that do not.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    wake: Condvar,
    pub(super) exported: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) export_failed: AtomicU64,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Finished>,
    /// Spans that these will make.
    spans: usize,
    /// Set when the server ends: what is left must have been sent by then.
    until: Option<Instant>,
}

/// What the exporter gets to do.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) requests: Vec<Finished>,
    /// Spans that they will make.
    pub(super) spans: usize,
    /// Set when the server ends.
    pub(super) until: Option<Instant>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                spans: 0,
                until: None,
            }),
            wake: Condvar::new(),
            exported: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            export_failed: AtomicU64::new(0),
        }
    }

    /// Takes a request in, or drops it where there is no place.
    pub(super) fn push(&self, finished: Finished) {
        let spans = finished.spans();
        let mut state = self.lock();
        let before = state.spans;
        if before + spans > self.limits.queue {
            drop(state);
            self.queue_full.fetch_add(spans as u64, Ordering::Relaxed);
            return;
        }
        state.waiting.push_back(finished);
        state.spans += spans;
        let is_batch = before < self.limits.batch && state.spans >= self.limits.batch;
        drop(state);
        // To wake a thread costs more than all the rest: once for a batch, not once for a request.
        if is_batch {
            self.wake.notify_one();
        }
    }

    /// Waits for a batch, but no longer than the delay, and takes what is there.
    pub(super) fn take(&self) -> Batch {
        let state = self.lock();
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, self.limits.delay, |state| {
                state.spans < self.limits.batch && state.until.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch {
            requests: Vec::new(),
            spans: 0,
            until: state.until,
        };
        while let Some(next) = state.waiting.pop_front() {
            let spans = next.spans();
            if batch.spans > 0 && batch.spans + spans > self.limits.batch {
                state.waiting.push_front(next);
                break;
            }
            batch.spans += spans;
            batch.requests.push(next);
        }
        state.spans -= batch.spans;
        batch
    }

    /// Gives a backend that fails some time, while more requests come in; not when the server ends.
    pub(super) fn pause(&self) {
        let state = self.lock();
        let _ = self
            .wake
            .wait_timeout_while(state, self.limits.delay, |state| state.until.is_none());
    }

    /// Drops what waits.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let spans = std::mem::take(&mut state.spans);
        state.waiting.clear();
        self.export_failed
            .fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Nothing more is waited for.
    pub(super) fn end(&self, grace: Duration) {
        self.lock().until = Some(Instant::now() + grace);
        self.wake.notify_all();
    }

    pub(super) fn figures(&self, figures: &mut Vec<Figure>) {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        figures.push(Figure {
            name: "streeling_spans_exported_total",
            help: "Spans that were sent to the tracing backend.",
            labels: Vec::new(),
            value: value(&self.exported),
        });
        let dropped = [
            ("queue_full", &self.queue_full),
            ("export_failed", &self.export_failed),
        ];
        figures.extend(dropped.map(|(reason, count)| Figure {
            name: "streeling_spans_dropped_total",
            help: "Spans that were not sent, by why.",
            labels: vec![("reason", reason.into())],
            value: value(count),
        }));
    }

    /// Nothing is done under this lock that can fail halfway.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
