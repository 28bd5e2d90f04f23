//! What happened to the connections of a port.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cut::Cut;

/// Counters of a port's connections.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    shed: AtomicU64,
    waited: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    cut: [AtomicU64; Cut::ALL.len()],
}

/// What happened to the connections of a port since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Open now.
    pub open: usize,
    /// Open at most.
    pub limit: usize,
    /// Idle ones that were closed to make room.
    pub shed: u64,
    /// Those that had to wait until there was room.
    pub waited: u64,
    /// Failures of the system to give one, for want of descriptors or memory.
    pub failed: u64,
    /// Requests that were refused, since their connection had as many as it may have.
    pub refused: u64,
    /// Those that were cut, by reason.
    pub cut: [(Cut, u64); Cut::ALL.len()],
}

impl Counts {
    pub(crate) fn shed(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn waited(&self) {
        self.waited.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self, reason: Cut) {
        self.cut[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, open: usize, limit: usize) -> Counted {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            open,
            limit,
            shed: number(&self.shed),
            waited: number(&self.waited),
            failed: number(&self.failed),
            refused: number(&self.refused),
            cut: Cut::ALL.map(|reason| (reason, number(&self.cut[reason as usize]))),
        }
    }
}
