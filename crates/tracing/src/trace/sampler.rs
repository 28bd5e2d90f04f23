//! Which requests are recorded, where their callers leave it to us.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::record::Tag;

const SECOND: f64 = 1e9;

/// The longest that one token may take, in nanoseconds: more than a century, with room for sums of these.
const LONGEST: u64 = u64::MAX / 4;

/// A rule. It has Jaeger's names, under which its choice can be seen in the tags of a trace's first span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// All, or none.
    Const(bool),
    /// This part of them, from 0 to 1, chosen by the trace's id: whoever has the same rule chooses the same.
    Probabilistic(f64),
    /// So many a second. As many as a second may have, and at least one, can come at once.
    RateLimiting(f64),
}

impl Sampler {
    /// The tags that Jaeger's clients set.
    pub(super) fn tags(self) -> [(&'static str, Tag); 2] {
        let (kind, param) = match self {
            Self::Const(all) => ("const", Tag::Bool(all)),
            Self::Probabilistic(part) => ("probabilistic", Tag::Float(part)),
            Self::RateLimiting(rate) => ("ratelimiting", Tag::Float(rate)),
        };
        [("sampler.type", kind.into()), ("sampler.param", param)]
    }
}

/// A rule at work.
#[derive(Debug)]
pub(super) enum Decider {
    Const(bool),
    /// Ids whose low half, without its last bit, is below this: 63 bits.
    Below(u64),
    Bucket(Bucket),
}

impl Decider {
    pub(super) fn new(sampler: Sampler) -> Self {
        match sampler {
            Sampler::Const(all) => Self::Const(all),
            Sampler::Probabilistic(part) if part >= 1.0 => Self::Const(true),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a part of 2^63, and `as` stops at the ends"
            )]
            Sampler::Probabilistic(part) => Self::Below((part * (1_u64 << 63) as f64) as u64),
            Sampler::RateLimiting(rate) if rate > 0.0 => Self::Bucket(Bucket::new(rate)),
            Sampler::RateLimiting(_) => Self::Const(false),
        }
    }

    pub(super) fn takes(&self, trace_id: u128) -> bool {
        match self {
            Self::Const(all) => *all,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low half is what counts"
            )]
            Self::Below(bound) => (trace_id as u64) >> 1 < *bound,
            Self::Bucket(bucket) => bucket.takes(bucket.begun.elapsed()),
        }
    }
}

/// A token bucket, kept as the time at which it will be full again.
#[derive(Debug)]
pub(super) struct Bucket {
    begun: Instant,
    /// Nanoseconds of one token.
    each: u64,
    /// Nanoseconds that an empty bucket takes to fill up.
    whole: u64,
    /// Nanoseconds since `begun`.
    full_at: AtomicU64,
}

impl Bucket {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and `as` stops at the end"
    )]
    fn new(rate: f64) -> Self {
        Self {
            begun: Instant::now(),
            each: ((SECOND / rate) as u64).min(LONGEST),
            whole: ((SECOND / rate * rate.max(1.0)) as u64).min(LONGEST),
            full_at: AtomicU64::new(0),
        }
    }

    fn takes(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let taken = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let then = full_at.max(now).saturating_add(self.each);
                (then - now <= self.whole).then_some(then)
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::unique_u128;

    use super::*;

    fn taken(sampler: Sampler) -> usize {
        let decider = Decider::new(sampler);
        (0..10_000).filter(|_| decider.takes(unique_u128())).count()
    }

    #[test]
    fn const_and_the_ends_of_probability_take_all_or_none() {
        for (sampler, all) in [
            (Sampler::Const(true), true),
            (Sampler::Const(false), false),
            (Sampler::Probabilistic(1.0), true),
            (Sampler::Probabilistic(0.0), false),
            (Sampler::RateLimiting(0.0), false),
        ] {
            assert_eq!(taken(sampler), if all { 10_000 } else { 0 }, "{sampler:?}");
        }
    }

    #[test]
    fn probability_goes_by_the_low_half_of_the_id() {
        let taken = taken(Sampler::Probabilistic(0.25));
        assert!((2200..2800).contains(&taken), "{taken}");
        let decider = Decider::new(Sampler::Probabilistic(0.5));
        assert!(decider.takes(u128::from(u64::MAX / 2)));
        assert!(!decider.takes(u128::from(u64::MAX / 2) + 2));
        assert!(decider.takes(u128::MAX << 64));
    }

    #[test]
    fn a_bucket_gives_what_a_second_has_and_fills_again() {
        let count = |bucket: &Bucket, millis: u64| {
            let now = Duration::from_millis(millis);
            (0..1000).filter(|_| bucket.takes(now)).count()
        };
        let bucket = Bucket::new(10.0);
        assert_eq!(count(&bucket, 0), 10);
        assert_eq!(count(&bucket, 99), 0);
        assert_eq!(count(&bucket, 500), 5);
        assert_eq!(count(&bucket, 60_000), 10);
        // Less than one a second: one may come, and the next after its time.
        let bucket = Bucket::new(0.5);
        assert_eq!(count(&bucket, 0), 1);
        assert_eq!(count(&bucket, 1999), 0);
        assert_eq!(count(&bucket, 2000), 1);
        // So few that the time of one is no number of nanoseconds.
        for rate in [1e-9, 1e-11, 1e-300, f64::from_bits(1)] {
            let bucket = Bucket::new(rate);
            assert_eq!([1, 2, 60_000].map(|at| count(&bucket, at)), [1, 0, 0]);
        }
    }
}
