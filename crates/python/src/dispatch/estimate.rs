//! How long a request will take, learnt from those before it.

use std::time::Duration;

use streeling_core::Method;

/// Requests that are expected to take about as long as each other: same method, payload of the
/// same size within a factor of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    method: Method,
    size: u8,
}

/// Sizes are told apart from 256 bytes up to 1 GiB.
const SIZES: usize = 12;

impl Class {
    /// The class of a request of `bytes` on the wire to the worker.
    pub(crate) fn new(method: Method, bytes: usize) -> Self {
        let mut size = 0;
        let mut rest = bytes >> 8;
        while rest > 0 && usize::from(size) < SIZES - 1 {
            rest >>= 2;
            size += 1;
        }
        Self { method, size }
    }

    fn index(self) -> usize {
        (usize::from(self.method.code()) - 1) * SIZES + usize::from(self.size)
    }
}

/// What nothing is known of counts as slow: one at a time on a lane until the first answers tell.
const UNKNOWN: f32 = 500.0;

/// How far the usual time follows a request that was faster, and one that was slower. The clock also
/// runs while a thread waits for the interpreter lock; an estimate that rises fast would spread the
/// model over more threads, which then wait longer: so it falls ten times as fast as it rises.
const DOWN: f32 = 0.2;
const UP: f32 = 0.02;

/// How far the mean follows each request; it remembers about fifty.
const MEAN: f32 = 0.02;

/// A mean above this, in microseconds, is no waiting for the lock by a fast model: some calls are
/// slow, nobody knows which, and so each request gets a lane of its own as long as there are any.
const MIXED: f32 = 200.0;

/// What is known of one class, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    /// What most requests take.
    usual: f32,
    mean: f32,
}

/// One estimate for every class.
#[derive(Debug)]
pub(super) struct Estimates([Estimate; Method::ALL.len() * SIZES]);

impl Default for Estimates {
    fn default() -> Self {
        let unknown = Estimate {
            usual: UNKNOWN,
            mean: UNKNOWN,
        };
        Self([unknown; Method::ALL.len() * SIZES])
    }
}

impl Estimates {
    pub(super) fn of(&self, class: Class) -> Duration {
        let Estimate { usual, mean } = self.0[class.index()];
        let micros = if mean > MIXED {
            usual.max(UNKNOWN)
        } else {
            usual
        };
        // Below a microsecond the clock of the worker shows nothing.
        Duration::from_secs_f32(micros.max(1.0) / 1e6)
    }

    /// What such requests take on the mean, slow ones among them.
    pub(super) fn mean(&self, class: Class) -> Duration {
        Duration::from_secs_f32(self.0[class.index()].mean.max(0.0) / 1e6)
    }

    pub(super) fn learn(&mut self, class: Class, spent: Duration) {
        let micros = spent.as_secs_f32() * 1e6;
        let estimate = &mut self.0[class.index()];
        let error = micros - estimate.usual;
        estimate.usual += error * if error < 0.0 { DOWN } else { UP };
        estimate.mean += (micros - estimate.mean) * MEAN;
    }
}
