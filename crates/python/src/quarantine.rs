//! Requests that workers have died of: for a while they are refused.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// So many workers die of a request before it is refused, without a response to any like it between
/// them: one may die by chance at any moment.
const DEATHS: u32 = 2;

/// Requests that are remembered. Beyond that the oldest one is forgotten, first of those that are
/// not refused.
const CAPACITY: usize = 128;

/// What a request is: its method, its size, and a digest of both and of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) outline: Outline,
    pub(crate) digest: u64,
}

/// What is known of a request without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) method: u8,
    pub(crate) bytes: u64,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.digest)
    }
}

/// What a death of a worker means for the request that was alone on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One more, and it is refused.
    Suspect,
    /// It is refused for so long from now on.
    Refused(Duration),
}

/// The requests that workers have died of.
pub(crate) struct Quarantine {
    /// For how long a request is refused, and a death is remembered; `None`: never.
    time: Option<Duration>,
    /// So that no client can make two requests of one digest.
    keys: RandomState,
    entries: Mutex<Vec<Entry>>,
    /// How many these are, which is read for every request; some of them may be over.
    known: AtomicUsize,
    refusals: AtomicU64,
}

struct Entry {
    fingerprint: Fingerprint,
    deaths: u32,
    /// When a worker died of it last.
    since: Instant,
}

impl Entry {
    /// How much longer it is refused.
    fn left(&self, now: Instant, time: Duration) -> Option<Duration> {
        let left = (self.since + time).checked_duration_since(now)?;
        (self.deaths >= DEATHS && !left.is_zero()).then_some(left)
    }

    /// Once it is no longer refused, a single death more has it refused again for a while.
    fn is_over(&self, now: Instant, time: Duration) -> bool {
        let periods = if self.deaths >= DEATHS { 2 } else { 1 };
        now.saturating_duration_since(self.since) >= time * periods
    }
}

impl Quarantine {
    /// An empty one, which refuses requests for so long.
    pub(crate) fn new(time: Option<Duration>) -> Self {
        Self {
            time,
            keys: RandomState::new(),
            entries: Mutex::default(),
            known: AtomicUsize::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    /// Whether deaths count at all.
    pub(crate) fn is_on(&self) -> bool {
        self.time.is_some()
    }

    /// Whether a worker has died of any request.
    pub(crate) fn is_active(&self) -> bool {
        self.known.load(Ordering::Relaxed) > 0
    }

    /// What makes digests.
    pub(crate) fn hasher(&self) -> std::hash::DefaultHasher {
        self.keys.build_hasher()
    }

    /// Whether a worker has died of a request that looks like this one: then its digest is needed.
    pub(crate) fn may_know(&self, outline: Outline) -> bool {
        self.is_active() && {
            let entries = self.current(Instant::now());
            let mut fingerprints = entries.iter().map(|entry| entry.fingerprint);
            fingerprints.any(|one| one.outline == outline)
        }
    }

    /// How much longer a request is refused; it counts as a refusal.
    pub(crate) fn refuse(&self, fingerprint: Fingerprint) -> Option<Duration> {
        let now = Instant::now();
        let time = self.time?;
        let left = {
            let entries = self.current(now);
            let mut entries = entries.iter();
            let entry = entries.find(|entry| entry.fingerprint == fingerprint)?;
            entry.left(now, time)?
        };
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Some(left)
    }

    /// Records that a worker has died while it had this request alone.
    pub(crate) fn record_death(&self, now: Instant, fingerprint: Fingerprint) -> Verdict {
        let Some(time) = self.time else {
            return Verdict::Suspect;
        };
        let mut entries = self.current(now);
        let known = entries
            .iter()
            .position(|entry| entry.fingerprint == fingerprint);
        let mut entry = known.map_or(
            Entry {
                fingerprint,
                deaths: 0,
                since: now,
            },
            |index| entries.remove(index),
        );
        entry.deaths = (entry.deaths + 1).min(DEATHS);
        entry.since = now;
        let is_refused = entry.deaths >= DEATHS;
        if entries.len() >= CAPACITY {
            let harmless = entries.iter().position(|entry| entry.deaths < DEATHS);
            entries.remove(harmless.unwrap_or(0));
        }
        // The oldest one is the first.
        entries.push(entry);
        self.count(&entries);
        if is_refused {
            Verdict::Refused(time)
        } else {
            Verdict::Suspect
        }
    }

    /// A worker has responded to it: the one before died by chance, or was killed by somebody.
    pub(crate) fn acquit(&self, fingerprint: Fingerprint) {
        let now = Instant::now();
        let Some(time) = self.time else { return };
        let mut entries = self.current(now);
        entries.retain(|entry| entry.fingerprint != fingerprint || entry.left(now, time).is_some());
        self.count(&entries);
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        let mut entries = lock(&self.entries);
        entries.clear();
        self.count(&entries);
    }

    /// Requests that are refused right now.
    pub(crate) fn len(&self) -> usize {
        let now = Instant::now();
        let Some(time) = self.time else { return 0 };
        let entries = self.current(now);
        let refused = entries
            .iter()
            .filter(|entry| entry.left(now, time).is_some());
        refused.count()
    }

    /// How often a request was refused.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// The entries without those that are over.
    fn current(&self, now: Instant) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        let mut entries = lock(&self.entries);
        if let Some(time) = self.time {
            entries.retain(|entry| !entry.is_over(now, time));
        }
        self.count(&entries);
        entries
    }

    fn count(&self, entries: &[Entry]) {
        self.known.store(entries.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    fn fingerprint(digest: u64) -> Fingerprint {
        let outline = Outline {
            method: 1,
            bytes: 5,
        };
        Fingerprint { outline, digest }
    }

    #[test]
    fn a_request_is_refused_from_the_second_death_on() {
        let quarantine = Quarantine::new(Some(TIME));
        let now = Instant::now();
        assert_eq!(
            quarantine.record_death(now, fingerprint(1)),
            Verdict::Suspect
        );
        assert_eq!(quarantine.refuse(fingerprint(1)), None);
        assert_eq!(
            quarantine.record_death(now, fingerprint(1)),
            Verdict::Refused(TIME)
        );
        assert!(quarantine.may_know(fingerprint(1).outline));
        assert!(quarantine.refuse(fingerprint(1)).is_some());
        assert_eq!(quarantine.refuse(fingerprint(2)), None);
        assert!(!quarantine.may_know(Outline {
            method: 1,
            bytes: 6
        }));
        assert_eq!((quarantine.len(), quarantine.refusals()), (1, 1));
        quarantine.clear();
        assert_eq!(quarantine.refuse(fingerprint(1)), None);
        assert!(!quarantine.is_active());
    }

    #[test]
    fn a_response_between_two_deaths_clears_a_request_and_not_one_that_is_refused() {
        let quarantine = Quarantine::new(Some(TIME));
        let now = Instant::now();
        for _ in 0..10 {
            let verdict = quarantine.record_death(now, fingerprint(1));
            assert_eq!(verdict, Verdict::Suspect);
            quarantine.acquit(fingerprint(2));
            assert!(quarantine.is_active());
            quarantine.acquit(fingerprint(1));
            assert!(!quarantine.is_active());
        }
        for _ in 0..2 {
            quarantine.record_death(now, fingerprint(1));
        }
        quarantine.acquit(fingerprint(1));
        assert!(quarantine.refuse(fingerprint(1)).is_some());
    }

    #[test]
    fn time_clears_it_and_then_one_death_is_enough_for_a_while() {
        let quarantine = Quarantine::new(Some(TIME));
        let now = Instant::now();
        let before = now.checked_sub(TIME).unwrap();
        for _ in 0..2 {
            quarantine.record_death(before, fingerprint(1));
        }
        assert_eq!(quarantine.refuse(fingerprint(1)), None);
        assert_eq!(quarantine.len(), 0);
        assert_eq!(
            quarantine.record_death(now, fingerprint(1)),
            Verdict::Refused(TIME)
        );

        let long_ago = now.checked_sub(2 * TIME).unwrap();
        for _ in 0..2 {
            quarantine.record_death(long_ago, fingerprint(2));
        }
        assert_eq!(
            quarantine.record_death(now, fingerprint(2)),
            Verdict::Suspect
        );
        // A single death is forgotten after one period.
        quarantine.record_death(before, fingerprint(3));
        assert_eq!(
            quarantine.record_death(now, fingerprint(3)),
            Verdict::Suspect
        );
    }

    #[test]
    fn suspects_do_not_push_out_what_is_refused() {
        let quarantine = Quarantine::new(Some(TIME));
        let now = Instant::now();
        for _ in 0..2 {
            quarantine.record_death(now, fingerprint(0));
        }
        for digest in 1..1000 {
            quarantine.record_death(now, fingerprint(digest));
        }
        assert!(quarantine.refuse(fingerprint(0)).is_some());
        assert_eq!(lock(&quarantine.entries).len(), CAPACITY);
        for digest in 1000..2000 {
            for _ in 0..2 {
                quarantine.record_death(now, fingerprint(digest));
            }
        }
        assert_eq!(lock(&quarantine.entries).len(), CAPACITY);
        assert_eq!(quarantine.refuse(fingerprint(0)), None);
    }

    #[test]
    fn without_a_time_nothing_is_refused() {
        let quarantine = Quarantine::new(None);
        for _ in 0..3 {
            let verdict = quarantine.record_death(Instant::now(), fingerprint(1));
            assert_eq!(verdict, Verdict::Suspect);
        }
        assert!(!quarantine.is_active());
    }
}
