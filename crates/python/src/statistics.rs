//! Counts what has happened to the workers of a pool.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::lock::lock;

/// Why a worker was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplaceReason {
    /// It had been given its maximum of requests.
    MaxRequests,
    /// Some of its threads did not return from their calls.
    Stuck,
    /// It was lost.
    Lost,
    /// The component was reloaded.
    Reload,
    /// It took more memory than it may.
    Memory,
}

impl ReplaceReason {
    /// With their labels in metrics.
    const ALL: [(Self, &'static str); 5] = [
        (Self::MaxRequests, "max_requests"),
        (Self::Stuck, "stuck"),
        (Self::Lost, "lost"),
        (Self::Reload, "reload"),
        (Self::Memory, "memory"),
    ];
}

/// How a worker was lost: it ended before it was retired, or not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitReason {
    /// It exited.
    Exited,
    /// A signal ended it.
    Signal,
    /// The server killed it: no call returned, or it broke the protocol.
    Fault,
    /// The server killed it, since it took more memory than it may.
    Memory,
}

impl ExitReason {
    /// With their labels in metrics.
    const ALL: [(Self, &'static str); 4] = [
        (Self::Exited, "exited"),
        (Self::Signal, "signal"),
        (Self::Fault, "fault"),
        (Self::Memory, "memory"),
    ];
}

/// Counters that only grow, and the time that each worker took to load.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    starts: AtomicU64,
    start_failures: AtomicU64,
    start_delays: AtomicU64,
    /// By [`ReplaceReason`].
    replacements: [AtomicU64; ReplaceReason::ALL.len()],
    /// By [`ExitReason`].
    losses: [AtomicU64; ExitReason::ALL.len()],
    /// By the number of the slot.
    load_times: Mutex<BTreeMap<usize, Duration>>,
}

impl Statistics {
    /// A worker has loaded the component and takes its slot.
    pub(crate) fn record_start(&self, slot: usize, load_time: Duration) {
        self.starts.fetch_add(1, Ordering::Relaxed);
        lock(&self.load_times).insert(slot, load_time);
    }

    /// A worker could not be started, or did not load the component.
    pub(crate) fn record_start_failure(&self) {
        self.start_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker could not be started yet, since the system lacked something.
    pub(crate) fn record_start_delay(&self) {
        self.start_delays.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker has taken the slot of another.
    pub(crate) fn record_replacement(&self, reason: ReplaceReason) {
        self.replacements[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A worker was lost.
    pub(crate) fn record_loss(&self, reason: ExitReason) {
        self.losses[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A slot is filled no longer.
    pub(crate) fn forget_slot(&self, slot: usize) {
        lock(&self.load_times).remove(&slot);
    }

    pub(crate) fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    pub(crate) fn start_failures(&self) -> u64 {
        self.start_failures.load(Ordering::Relaxed)
    }

    pub(crate) fn start_delays(&self) -> u64 {
        self.start_delays.load(Ordering::Relaxed)
    }

    /// Replaced workers, by the label of the reason.
    pub(crate) fn replacements(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ReplaceReason::ALL.iter().map(|(reason, label)| {
            let count = &self.replacements[*reason as usize];
            (*label, count.load(Ordering::Relaxed))
        })
    }

    /// Lost workers, by the label of the reason.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ExitReason::ALL.iter().map(|(reason, label)| {
            let count = &self.losses[*reason as usize];
            (*label, count.load(Ordering::Relaxed))
        })
    }

    /// How long the newest worker of each slot took to load the component.
    pub(crate) fn load_times(&self) -> BTreeMap<usize, Duration> {
        lock(&self.load_times).clone()
    }
}
