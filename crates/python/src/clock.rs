//! Converts between instants and nanoseconds of the clock that the workers read. It is one clock in
//! two representations.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// An instant, and the nanoseconds of the workers' clock at that instant.
type Anchor = (Instant, u64);

/// An instant as nanoseconds of the workers' clock; never 0, which stands for none.
pub(crate) fn to_worker(at: Instant) -> u64 {
    nanos_by(anchor(), at)
}

fn nanos_by(&(instant, nanos): &Anchor, at: Instant) -> u64 {
    let since = |to: Instant, from: Instant| {
        let nanos = to.saturating_duration_since(from).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    };
    nanos
        .saturating_add(since(at, instant))
        .saturating_sub(since(instant, at))
        .max(1)
}

/// Nanoseconds of the workers' clock as an instant, or the nearest that an instant can represent.
pub(crate) fn from_worker(nanos: u64) -> Instant {
    let &(instant, anchor) = anchor();
    let later = Duration::from_nanos(nanos.saturating_sub(anchor));
    let earlier = Duration::from_nanos(anchor.saturating_sub(nanos));
    let moved = instant.checked_add(later);
    moved
        .and_then(|moved| moved.checked_sub(earlier))
        .unwrap_or(instant)
}

/// Taken once, since both representations advance at the same pace.
fn anchor() -> &'static Anchor {
    static ANCHOR: OnceLock<Anchor> = OnceLock::new();
    ANCHOR.get_or_init(read_both)
}

fn read_both() -> Anchor {
    // The one of a few with the least time between its readings: others may have been interrupted.
    let readings = (0..8).map(|_| {
        let before = monotonic();
        let instant = Instant::now();
        let gap = monotonic().saturating_sub(before);
        (gap, (instant, before + gap / 2))
    });
    let closest = readings.min_by_key(|(gap, _)| *gap);
    closest.expect("there are eight").1
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for at in [now - second, now, now + second] {
            assert_eq!(from_worker(to_worker(at)), at);
        }
    }

    #[test]
    fn both_representations_show_the_same_time() {
        let start = monotonic();
        let anchor = read_both();
        // The anchor is off by no more than it took to read.
        let error = monotonic() - start;
        let before = monotonic();
        let found = nanos_by(&anchor, Instant::now());
        let after = monotonic();
        assert!(before <= found + error && found <= after + error);
    }

    #[test]
    fn times_out_of_range_are_the_nearest_that_there_are() {
        let far = Duration::from_secs(1 << 40);
        let later = Instant::now().checked_add(far).unwrap();
        assert_eq!(to_worker(later), u64::MAX);
        let earlier = Instant::now().checked_sub(far).unwrap();
        assert_eq!(to_worker(earlier), 1);
        assert_eq!(to_worker(from_worker(0)), 1);
        assert_eq!(to_worker(from_worker(u64::MAX)), u64::MAX);
    }
}
