//! Children of this process that it has not started itself: workers that a template has forked, and
//! what their processes leave behind.

use std::io;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, WaitStatus, getpgid, waitpid};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::lock::lock;

/// To start a process takes some milliseconds.
const RETRY: Duration = Duration::from_millis(10);

/// The processes that something in this crate waits for.
static AWAITED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Keeps [`reap`] from taking the status of a process, until this is dropped.
#[derive(Debug)]
pub(crate) struct Awaited(pub(crate) Pid);

impl Drop for Awaited {
    fn drop(&mut self) {
        lock(&AWAITED).retain(|awaited| *awaited != self.0);
    }
}

/// Starts a process that [`reap`] leaves alone from its start on.
pub(crate) fn start<T>(start: impl FnOnce() -> io::Result<(Pid, T)>) -> io::Result<(Awaited, T)> {
    let mut awaited = lock(&AWAITED);
    let (pid, process) = start()?;
    awaited.push(pid);
    Ok((Awaited(pid), process))
}

/// Has the system make this process the parent of all that its descendants leave behind.
pub(crate) fn adopt() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::process::set_child_subreaper(Some(
        rustix::process::getpid(),
    ))?);
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// A child that this process has not started, from the time on when it is known.
#[derive(Debug)]
pub(crate) struct Adopted {
    process: Awaited,
    changes: Signal,
}

impl Adopted {
    /// Keeps [`reap`] from taking its status.
    pub(crate) fn new(pid: Pid) -> io::Result<Self> {
        let changes = signal(SignalKind::child())?;
        lock(&AWAITED).push(pid);
        let process = Awaited(pid);
        Ok(Self { process, changes })
    }

    /// Waits for its end. An error where it is no child, or is none any more.
    pub(crate) async fn wait(mut self) -> io::Result<WaitStatus> {
        loop {
            if let Some((_, status)) = waitpid(Some(self.process.0), WaitOptions::NOHANG)? {
                return Ok(status);
            }
            if self.changes.recv().await.is_none() {
                return Err(io::Error::other("the runtime is going down"));
            }
        }
    }
}

/// Takes the status of children that are not awaited, as long as the runtime lives.
pub(crate) async fn reap() -> io::Result<()> {
    let mut changes = signal(SignalKind::child())?;
    let own = getpgid(None)?;
    while changes.recv().await.is_some() {
        for pid in children() {
            while !was_looked_at(pid, own) {
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    Ok(())
}

/// Takes the status of a child that has ended, unless something waits for it; `false` while a
/// process is being started.
fn was_looked_at(pid: Pid, own_group: Pid) -> bool {
    let awaited = match AWAITED.try_lock() {
        Ok(awaited) => awaited,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return false,
    };
    // A program that this server is a part of may have children of its own, which it starts in its
    // own group as a rule. Workers, and what they start, have others.
    let is_foreign = getpgid(Some(pid)).is_ok_and(|group| group == own_group);
    if !awaited.contains(&pid) && !is_foreign {
        // One that still runs stays as it is.
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
    true
}

/// The children of the first thread, to which the system gives what others leave behind.
fn children() -> Vec<Pid> {
    let own = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/self/task/{own}/children"));
    let list = list.unwrap_or_default();
    list.split_ascii_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}
