//! The bounded queue of requests that wait for the exporter. No request waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streeling_core::Sample;

use super::config::Limits;
use super::record::Finished;

/// Finished requests that wait, and counters of the spans that were sent or dropped.
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
    pending: VecDeque<Finished>,
    /// The number of their spans.
    spans: usize,
    /// Set when the server shuts down: what is pending must be sent by then.
    deadline: Option<Instant>,
}

/// What the exporter sends at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) requests: Vec<Finished>,
    /// The number of their spans.
    pub(super) spans: usize,
    /// Set when the server shuts down.
    pub(super) deadline: Option<Instant>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                pending: VecDeque::new(),
                spans: 0,
                deadline: None,
            }),
            wake: Condvar::new(),
            exported: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            export_failed: AtomicU64::new(0),
        }
    }

    /// Adds a request, or drops it when the queue is full.
    pub(super) fn push(&self, finished: Finished) {
        let spans = finished.spans();
        let mut state = self.lock();
        let before = state.spans;
        if before + spans > self.limits.queue {
            drop(state);
            self.queue_full.fetch_add(spans as u64, Ordering::Relaxed);
            return;
        }
        state.pending.push_back(finished);
        state.spans += spans;
        let is_batch = before < self.limits.batch && state.spans >= self.limits.batch;
        drop(state);
        // Waking the thread costs more than all the rest, so it is done once for a batch.
        if is_batch {
            self.wake.notify_one();
        }
    }

    /// Waits for a full batch, but no longer than the delay, and takes what is pending.
    pub(super) fn take(&self) -> Batch {
        let state = self.lock();
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, self.limits.delay, |state| {
                state.spans < self.limits.batch && state.deadline.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch {
            requests: Vec::new(),
            spans: 0,
            deadline: state.deadline,
        };
        while let Some(next) = state.pending.pop_front() {
            let spans = next.spans();
            if batch.spans > 0 && batch.spans + spans > self.limits.batch {
                state.pending.push_front(next);
                break;
            }
            batch.spans += spans;
            batch.requests.push(next);
        }
        state.spans -= batch.spans;
        batch
    }

    /// Waits for the delay after a failed export, unless the server shuts down.
    pub(super) fn pause(&self) {
        let state = self.lock();
        let _ = self
            .wake
            .wait_timeout_while(state, self.limits.delay, |state| state.deadline.is_none());
    }

    /// Drops what is pending.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let spans = std::mem::take(&mut state.spans);
        state.pending.clear();
        self.export_failed
            .fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Ends the waits of the exporter, which has `timeout` to send what is pending.
    pub(super) fn end(&self, timeout: Duration) {
        self.lock().deadline = Some(Instant::now() + timeout);
        self.wake.notify_all();
    }

    pub(super) fn sample(&self, out: &mut Vec<Sample>) {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        out.push(Sample {
            name: "streeling_spans_exported_total",
            help: "Spans that were sent to the tracing backend.",
            labels: Vec::new(),
            value: value(&self.exported),
        });
        let dropped = [
            ("queue_full", &self.queue_full),
            ("export_failed", &self.export_failed),
        ];
        out.extend(dropped.map(|(reason, count)| Sample {
            name: "streeling_spans_dropped_total",
            help: "Spans that were dropped, by reason.",
            labels: vec![("reason", reason.into())],
            value: value(count),
        }));
    }

    // No change under this lock can be interrupted by a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
