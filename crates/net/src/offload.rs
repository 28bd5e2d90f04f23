//! Work that takes too long for a thread that moves bytes, done beside it.

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// From this many bytes on, reading or writing goes to another thread. A quarter of a megabyte of
/// JSON takes about half a millisecond, which is what moving it costs many times over.
const LARGE: usize = 256 * 1024;

thread_local! {
    /// Whether this thread does such work, and what is large need not go any further.
    static IS_AWAY: Cell<bool> = const { Cell::new(false) };
}

/// Runs large pieces of work, at most as many at a time as there are cores.
#[derive(Debug)]
pub struct Offload {
    permits: Arc<Semaphore>,
}

impl Default for Offload {
    fn default() -> Self {
        Self::new()
    }
}

impl Offload {
    /// One for each server: its limit is its own.
    #[must_use]
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Whether work on so many bytes is done on another thread. Where it is not, there need be no
    /// closure that owns all that it takes.
    #[must_use]
    pub fn moves(bytes: usize) -> bool {
        bytes >= LARGE
    }

    /// Runs `work` here if it is about less than 256 KiB, else on another thread. A panic comes out
    /// either way.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place, and the semaphore bounds it"
    )]
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if !Self::moves(bytes) || IS_AWAY.get() {
            return work();
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            // Work whose caller has gone goes on and must keep its permit.
            let _permit = permit;
            // It is for no other thread than one of these, and each of them sets it.
            IS_AWAY.set(true);
            let result = catch_unwind(AssertUnwindSafe(work));
            IS_AWAY.set(false);
            result
        });
        match task.await {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => resume_unwind(panic),
            // The runtime is being torn down, and this future with it.
            Err(_) => pending().await,
        }
    }
}
