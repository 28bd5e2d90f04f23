//! How long a request will take, learnt from earlier ones.

use std::time::{Duration, Instant};

use super::cost_class::{CLASSES, CostClass, LARGE};
use super::spread::{EndedCall, Spread};

/// The estimate before the first responses, in microseconds. It counts as slow: one request at a
/// time on a connection.
const UNKNOWN: f32 = 500.0;

/// How far the usual time follows a request that was faster, and one that was slower. The clock
/// also runs while a thread waits for the interpreter lock; an estimate that rises fast would
/// spread the model over more threads, which then wait longer: so it falls ten times as fast as it
/// rises.
const DOWN: f32 = 0.2;
const UP: f32 = 0.02;

/// How far the mean follows each request; it remembers about fifty.
const MEAN: f32 = 0.02;

/// A mean above this, in microseconds, is more than a fast model's waiting for the lock: some calls
/// are slow, it is not known which, and so each request gets a connection of its own as long as
/// there are any.
const MIXED: f32 = 200.0;

/// Where the mean is also so many times the usual time, it says nothing about most calls whether a
/// second thread pays. The slow ones are much of the time, so that it does no harm.
const UNLIKE: f32 = 4.0;

/// Calls after which the mean says something.
const KNOWN: u32 = 100;

/// The estimate of one class, in microseconds.
#[derive(Debug)]
struct Estimate {
    /// What most requests take.
    usual: f32,
    mean: f32,
    calls: u32,
    /// Its requests are large, or the last response was.
    is_large: bool,
    spread: Spread,
}

impl Estimate {
    fn is_mixed(&self) -> bool {
        self.calls >= KNOWN && self.mean > MIXED.max(self.usual * UNLIKE)
    }

    fn width(&self) -> usize {
        if self.is_mixed() || self.is_large {
            usize::MAX
        } else {
            self.spread.width()
        }
    }
}

/// One estimate for every class.
#[derive(Debug)]
pub(super) struct Estimates([Estimate; CLASSES]);

impl Default for Estimates {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Estimate {
            usual: UNKNOWN,
            mean: UNKNOWN,
            calls: 0,
            is_large: false,
            spread: Spread::default(),
        }))
    }
}

impl Estimates {
    pub(super) fn of(&self, cost_class: CostClass) -> Duration {
        let estimate = &self.0[cost_class.index()];
        let micros = if estimate.mean > MIXED && estimate.width() == usize::MAX {
            estimate.usual.max(UNKNOWN)
        } else {
            estimate.usual
        };
        // The worker's clock does not show less than a microsecond.
        Duration::from_secs_f32(micros.max(1.0) / 1e6)
    }

    /// What such requests take on the mean, slow ones included.
    pub(super) fn mean(&self, cost_class: CostClass) -> Duration {
        Duration::from_secs_f32(self.0[cost_class.index()].mean.max(0.0) / 1e6)
    }

    /// On how many threads of a worker the class may be at the same time.
    pub(super) fn width(&self, cost_class: CostClass) -> usize {
        self.0[cost_class.index()].width()
    }

    /// A request waits: whether its class is tried on one thread more from now on.
    pub(super) fn begin_trial(&mut self, now: Instant, cost_class: CostClass) -> bool {
        self.0[cost_class.index()].spread.begin_trial(now)
    }

    /// `response` is its length in bytes.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        cost_class: CostClass,
        call: EndedCall,
        response: u64,
    ) {
        let micros = call.took.as_secs_f32() * 1e6;
        let estimate = &mut self.0[cost_class.index()];
        let error = micros - estimate.usual;
        estimate.usual += error * if error < 0.0 { DOWN } else { UP };
        estimate.mean += (micros - estimate.mean) * MEAN;
        estimate.is_large = cost_class.is_large() || response >= LARGE as u64;
        estimate.calls = estimate.calls.saturating_add(1);
        if !estimate.is_mixed() {
            estimate.spread.learn(now, call);
        }
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::Method;

    use super::*;

    /// Calls on two threads that never overlap: whether their class stays on one thread then.
    fn is_narrow(bytes: usize, response: u64) -> bool {
        let mut estimates = Estimates::default();
        let cost_class = CostClass::new(Method::Predict, bytes);
        let start = Instant::now();
        let took = Duration::from_micros(5);
        for number in 0..64 {
            let call = EndedCall {
                worker: 0,
                thread: number as usize % 2,
                sent: start,
                entered: start + took * number,
                took,
                was_alone: false,
            };
            estimates.learn(call.entered, cost_class, call, response);
        }
        estimates.width(cost_class) == 1
    }

    #[test]
    fn classes_with_large_requests_or_responses_have_all_threads() {
        assert!(is_narrow(100, 100));
        assert!(!is_narrow(LARGE, 100));
        assert!(!is_narrow(100, LARGE as u64));
    }
}
