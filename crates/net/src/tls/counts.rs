//! What became of connections and files.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of connections and files so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCounts {
    /// Handshakes that were completed.
    pub completed: u64,
    /// Those that failed: no version, cipher or certificate that both sides take.
    pub failed: u64,
    /// Those that took too long.
    pub late: u64,
    /// Clients that did not speak TLS.
    pub plain: u64,
    /// Times that changed files were taken.
    pub reloaded: u64,
    /// Times that changed files could not be used, and the old ones stayed.
    pub kept: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) completed: Counter,
    pub(super) failed: Counter,
    pub(super) late: Counter,
    pub(super) plain: Counter,
    pub(super) reloaded: Counter,
    pub(super) kept: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn read(&self) -> TlsCounts {
        TlsCounts {
            completed: self.completed.get(),
            failed: self.failed.get(),
            late: self.late.get(),
            plain: self.plain.get(),
            reloaded: self.reloaded.get(),
            kept: self.kept.get(),
        }
    }
}
