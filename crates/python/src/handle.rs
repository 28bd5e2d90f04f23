//! A worker that takes part in a pool.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use tokio::sync::Notify;

use crate::connection::Connection;
use crate::control::Control;
use crate::dispatch::WorkerId;
use crate::lock::lock;
use crate::memory::MemoryWatch;
use crate::stacks::Stacks;
use crate::statistics::ReplaceReason;

/// A worker that takes part.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    pub(crate) id: WorkerId,
    pub(crate) slot: usize,
    pub(crate) pid: u32,
    /// When it was added.
    pub(crate) since: Instant,
    pub(crate) connections: Arc<[Connection]>,
    pub(crate) stacks: Arc<Stacks>,
    /// Where its calls are cancelled, if they can be.
    pub(crate) cancel: Option<Arc<Control>>,
    /// It is to be killed, and its stacks are on their way into the log.
    pub(crate) is_reported: AtomicBool,
    /// It is to be replaced by a successor.
    pub(crate) replace: ReplaceRequest,
    /// It has been retired and nothing is in flight on it.
    pub(crate) drained: Notify,
    /// It can be of no use any more.
    pub(crate) kill: KillRequest,
    /// What it was seen to take of memory.
    pub(crate) memory: Mutex<MemoryWatch>,
}

/// Why a worker is killed that can be of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillReason {
    /// No thread has returned from its call in time.
    Stuck,
    /// It has been retired, and all that it still works on has been given up.
    Abandoned,
    /// It takes more memory than it may, and grows on.
    Memory { resident: u64, limit: u64 },
}

impl fmt::Display for KillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stuck => write!(f, "none of its threads has returned from its call in time"),
            Self::Abandoned => write!(f, "all callers that it works for have left"),
            Self::Memory { resident, limit } => write!(
                f,
                "it took {resident} bytes of memory, allowed are {limit} (--worker-memory, \
                 STREELING_WORKER_MEMORY)"
            ),
        }
    }
}

/// The request to kill a worker, with the reason; of two reasons the first one stays.
#[derive(Debug, Default)]
pub(crate) struct KillRequest {
    reason: OnceLock<KillReason>,
    notify: Notify,
}

impl KillRequest {
    pub(crate) fn make(&self, reason: KillReason) {
        let _ = self.reason.set(reason);
        self.notify.notify_one();
    }

    pub(crate) async fn made(&self) -> KillReason {
        loop {
            self.notify.notified().await;
            if let Some(reason) = self.reason.get() {
                return *reason;
            }
        }
    }
}

/// The request to replace a worker, with the reason; of two reasons the later one stays.
#[derive(Debug, Default)]
pub(crate) struct ReplaceRequest {
    reason: Mutex<Option<ReplaceReason>>,
    notify: Notify,
}

impl ReplaceRequest {
    pub(crate) fn make(&self, reason: ReplaceReason) {
        *lock(&self.reason) = Some(reason);
        self.notify.notify_one();
    }

    /// Makes the request unless there is one; whether there was none.
    pub(crate) fn make_once(&self, reason: ReplaceReason) -> bool {
        let mut first = lock(&self.reason);
        let is_first = first.is_none();
        if is_first {
            *first = Some(reason);
            self.notify.notify_one();
        }
        is_first
    }

    pub(crate) async fn made(&self) {
        self.notify.notified().await;
    }

    pub(crate) fn reason(&self) -> Option<ReplaceReason> {
        *lock(&self.reason)
    }
}
