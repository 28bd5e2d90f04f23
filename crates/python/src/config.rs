//! How a pool is to be made up.

use std::time::Duration;

use streeling_core::Budget;

use crate::component::WorkerConfig;
use crate::slot::WorkerSlots;

/// How a pool is to be made up.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// What they are for.
    pub worker: WorkerConfig,
    /// Where its workers get their numbers: the same for all pools of a server.
    pub slots: WorkerSlots,
    /// Worker processes at the start.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub max_queue: usize,
    /// The largest response, in bytes on the way from the worker.
    pub max_response: usize,
    /// What responses of more than 64 KiB take on their way from the workers.
    pub budget: Budget,
    /// Requests after which a worker is replaced; `None` never.
    pub recycle: Option<Recycle>,
    /// Starts of one worker in a row that may fail before the pool gives up. A worker that is lost
    /// within ten seconds without any request counts as a start that failed; one that is killed
    /// from outside while others serve does not.
    pub tries: u32,
    /// For how long a request is refused of which two workers have died; `None` never.
    pub quarantine: Option<Duration>,
    /// How long a call may take, whatever its deadline; `None` without end.
    pub hang_timeout: Option<Duration>,
    /// Bytes that a worker may have in memory; `None` without limit. Linux only.
    pub worker_memory: Option<u64>,
    /// Errors of the component carry its traceback in their text.
    pub tracebacks: bool,
}

/// When a worker is replaced by a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recycle {
    /// Requests that a worker is given before its successor is started.
    pub after: u32,
    /// Most that is added to that at random, drawn for each worker, so that not all are replaced at
    /// the same time.
    pub jitter: u32,
}

impl Recycle {
    /// Draws the maximum of requests of one worker.
    pub(crate) fn draw(self) -> u64 {
        use std::hash::{BuildHasher, RandomState};

        let random = RandomState::new().hash_one(());
        u64::from(self.after.max(1)) + random % (u64::from(self.jitter) + 1)
    }
}
