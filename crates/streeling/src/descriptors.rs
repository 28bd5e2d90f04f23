//! How many descriptors this process may have, and its workers.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process was started with, where that was raised.
static BEFORE: OnceLock<u64> = OnceLock::new();

/// As many as the process may have: each connection is one. Shells and many container runtimes
/// start programs with 1,024, which only those that use `select` need.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            limit.current.map(|before| BEFORE.set(before));
        }
        Err(error) => {
            tracing::warn!("cannot raise the limit of open files (ulimit -n): {error}");
        }
    }
}

/// The limit before it was raised; `None` where it was not.
#[cfg(feature = "python")]
pub(crate) fn limit_before() -> Option<u64> {
    BEFORE.get().copied()
}
