//! Samplers: which requests are recorded where the caller has not decided.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::record::Tag;

const SECOND: f64 = 1e9;

/// The longest interval between two tokens, in nanoseconds: more than a century, but small enough
/// that sums do not overflow.
const MAX_INTERVAL: u64 = u64::MAX / 4;

/// A sampler, with Jaeger's names. The first span of a trace has it in its tags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// All requests, or none.
    Const(bool),
    /// This fraction of requests, from 0 to 1. The choice depends only on the trace id, so that all
    /// servers with the same fraction agree.
    Probabilistic(f64),
    /// This many per second. A burst may have as many as a second, and at least one.
    RateLimiting(f64),
}

impl Sampler {
    /// The tags that Jaeger's clients set.
    pub(super) fn tags(self) -> [(&'static str, Tag); 2] {
        let (kind, param) = match self {
            Self::Const(all) => ("const", Tag::Bool(all)),
            Self::Probabilistic(fraction) => ("probabilistic", Tag::Float(fraction)),
            Self::RateLimiting(rate) => ("ratelimiting", Tag::Float(rate)),
        };
        [("sampler.type", kind.into()), ("sampler.param", param)]
    }
}

/// A sampler with its state.
#[derive(Debug)]
pub(super) enum Decider {
    Const(bool),
    /// Trace ids whose low half, without its last bit, is below this number of 63 bits.
    Below(u64),
    Bucket(TokenBucket),
}

impl Decider {
    pub(super) fn new(sampler: Sampler) -> Self {
        match sampler {
            Sampler::Const(all) => Self::Const(all),
            Sampler::Probabilistic(fraction) if fraction >= 1.0 => Self::Const(true),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a fraction of 2^63, and `as` saturates"
            )]
            Sampler::Probabilistic(fraction) => {
                Self::Below((fraction * (1_u64 << 63) as f64) as u64)
            }
            Sampler::RateLimiting(rate) if rate > 0.0 => Self::Bucket(TokenBucket::new(rate)),
            Sampler::RateLimiting(_) => Self::Const(false),
        }
    }

    pub(super) fn samples(&self, trace_id: u128) -> bool {
        match self {
            Self::Const(all) => *all,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low half is what counts"
            )]
            Self::Below(bound) => (trace_id as u64) >> 1 < *bound,
            Self::Bucket(bucket) => bucket.take(bucket.started.elapsed()),
        }
    }
}

/// A token bucket, represented by the time at which it will be full again.
#[derive(Debug)]
pub(super) struct TokenBucket {
    started: Instant,
    /// Nanoseconds between two tokens.
    interval: u64,
    /// Nanoseconds in which an empty bucket fills up.
    capacity: u64,
    /// Nanoseconds since `started`.
    full_at: AtomicU64,
}

impl TokenBucket {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and `as` saturates"
    )]
    fn new(rate: f64) -> Self {
        Self {
            started: Instant::now(),
            interval: ((SECOND / rate) as u64).min(MAX_INTERVAL),
            capacity: ((SECOND / rate * rate.max(1.0)) as u64).min(MAX_INTERVAL),
            full_at: AtomicU64::new(0),
        }
    }

    fn take(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let taken = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let then = full_at.max(now).saturating_add(self.interval);
                (then - now <= self.capacity).then_some(then)
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::unique_u128;

    use super::*;

    fn sampled(sampler: Sampler) -> usize {
        let decider = Decider::new(sampler);
        (0..10_000)
            .filter(|_| decider.samples(unique_u128()))
            .count()
    }

    #[test]
    fn const_and_extreme_parameters_sample_all_or_none() {
        for (sampler, all) in [
            (Sampler::Const(true), true),
            (Sampler::Const(false), false),
            (Sampler::Probabilistic(1.0), true),
            (Sampler::Probabilistic(0.0), false),
            (Sampler::RateLimiting(0.0), false),
        ] {
            assert_eq!(
                sampled(sampler),
                if all { 10_000 } else { 0 },
                "{sampler:?}"
            );
        }
    }

    #[test]
    fn probabilistic_depends_on_the_low_half_of_the_id() {
        let sampled = sampled(Sampler::Probabilistic(0.25));
        assert!((2200..2800).contains(&sampled), "{sampled}");
        let decider = Decider::new(Sampler::Probabilistic(0.5));
        assert!(decider.samples(u128::from(u64::MAX / 2)));
        assert!(!decider.samples(u128::from(u64::MAX / 2) + 2));
        assert!(decider.samples(u128::MAX << 64));
    }

    #[test]
    fn a_bucket_has_the_tokens_of_a_second_and_refills() {
        let count = |bucket: &TokenBucket, millis: u64| {
            let now = Duration::from_millis(millis);
            (0..1000).filter(|_| bucket.take(now)).count()
        };
        let bucket = TokenBucket::new(10.0);
        assert_eq!(count(&bucket, 0), 10);
        assert_eq!(count(&bucket, 99), 0);
        assert_eq!(count(&bucket, 500), 5);
        assert_eq!(count(&bucket, 60_000), 10);
        // Less than one per second: the first at once, the next after an interval.
        let bucket = TokenBucket::new(0.5);
        assert_eq!(count(&bucket, 0), 1);
        assert_eq!(count(&bucket, 1999), 0);
        assert_eq!(count(&bucket, 2000), 1);
        // Rates so low that the interval is beyond 64 bits of nanoseconds.
        for rate in [1e-9, 1e-11, 1e-300, f64::from_bits(1)] {
            let bucket = TokenBucket::new(rate);
            assert_eq!([1, 2, 60_000].map(|at| count(&bucket, at)), [1, 0, 0]);
        }
    }
}
