//! Requests that are expected to take about as long as each other.

use crate::frame::Call;

/// Requests that are expected to take about as long as each other: same method, payload of the
/// same size within a factor of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CostClass {
    call: Call,
    size: u8,
}

/// Sizes are distinguished from 256 bytes up to 1 GiB.
const SIZES: usize = 12;

/// How many classes there are.
pub(super) const CLASSES: usize = Call::COUNT * SIZES;

/// Requests and responses of so many bytes move for about as long as a fast call takes, and while
/// they do, the thread does not hold the interpreter lock. That is no part of the call, so a gain
/// by a second thread would not be seen.
pub(super) const LARGE: usize = 1 << 16;

impl CostClass {
    /// The class of a request that has `bytes` on its way to the worker.
    pub(crate) fn new(call: impl Into<Call>, bytes: usize) -> Self {
        let mut size = 0;
        let mut rest = bytes >> 8;
        while rest > 0 && usize::from(size) < SIZES - 1 {
            rest >>= 2;
            size += 1;
        }
        Self {
            call: call.into(),
            size,
        }
    }

    pub(crate) fn call(self) -> Call {
        self.call
    }

    pub(super) fn is_large(self) -> bool {
        self.size >= Self::new(Call::Page, LARGE).size
    }

    pub(super) fn index(self) -> usize {
        (usize::from(self.call.code()) - 1) * SIZES + usize::from(self.size)
    }
}
