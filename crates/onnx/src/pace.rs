//! How long a row takes: the long calls leave the thread that moves bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// From this expected time on, a call goes to another thread. Going there and back costs some tens
/// of microseconds; other requests of the thread wait as long as a call that stays.
const LONG: Duration = Duration::from_micros(200);

/// Nanoseconds that one row takes, as calls so far have shown; 0 before the first.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU64);

impl Pace {
    /// Whether a call of so many rows is expected to take long; the first one is.
    pub(crate) fn is_long(&self, rows: usize) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => true,
            row => row.saturating_mul(rows as u64) > LONG.as_nanos() as u64,
        }
    }

    /// Learns from a call. Of two that end at once one may be forgotten: the next will tell.
    pub(crate) fn record(&self, rows: usize, took: Duration) {
        let row = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / (rows.max(1) as u64);
        let known = self.0.load(Ordering::Relaxed);
        // An eighth of the way, so that one call which the system held up does not decide.
        let next = if known == 0 {
            row
        } else {
            known / 8 * 7 + row / 8
        };
        self.0.store(next.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_long_until_they_are_known_to_be_short() {
        let pace = Pace::default();
        assert!(pace.is_long(1));
        pace.record(10, Duration::from_micros(50));
        assert!(!pace.is_long(10));
        assert!(pace.is_long(100));
        for _ in 0..100 {
            pace.record(1, Duration::from_millis(1));
        }
        assert!(pace.is_long(1));
        pace.record(0, Duration::ZERO);
        assert!(pace.is_long(1));
    }
}
