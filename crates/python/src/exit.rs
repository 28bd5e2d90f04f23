//! How a worker ended, and whether that counts as a loss.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use std::{fmt, io};

use rustix::process::Signal;

use crate::dispatch::WorkerId;
use crate::handle::KillReason;
use crate::statistics::ExitReason;
use crate::subject::OwnedSubject;

/// From the end of its last thread to the end of the process: what the component's own threads and
/// exit handlers may take.
pub(crate) const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a worker ended.
#[derive(Debug)]
pub(crate) struct WorkerExit {
    pub(crate) worker: WorkerId,
    /// It has responded to a request, or served for a while.
    pub(crate) was_stable: bool,
    /// Requests that were in flight on it.
    pub(crate) requests: usize,
    /// The request that it has died of, where its caller has given it up.
    pub(crate) suspect: Option<Box<OwnedSubject>>,
    pub(crate) cause: ExitCause,
    pub(crate) status: io::Result<ExitStatus>,
}

/// What ended a worker.
#[derive(Debug)]
pub(crate) enum ExitCause {
    /// Its process ended, or its sockets were closed, without a request to do so.
    Unexpected,
    /// It was retired, and has exited.
    Drained,
    /// It was retired and has not exited; killed.
    ExitTimeout,
    /// It was of no use any more; killed.
    Killed(KillReason),
    /// It broke the protocol; killed.
    Fault(io::Error),
}

impl WorkerExit {
    /// Whether the server killed it.
    pub(crate) fn is_killed_by_server(&self) -> bool {
        matches!(
            self.cause,
            ExitCause::ExitTimeout | ExitCause::Killed(_) | ExitCause::Fault(_)
        )
    }

    /// Whether it was killed from outside, by an operator or for want of memory.
    pub(crate) fn is_killed_from_outside(&self) -> bool {
        !self.is_killed_by_server() && self.status.as_ref().is_ok_and(is_sigkill)
    }

    /// Why it counts as lost; `None` if it was retired and ended in order. One that merely did not
    /// exit had responded to all its requests, so that nothing was lost.
    pub(crate) fn loss(&self) -> Option<ExitReason> {
        match (&self.cause, &self.status) {
            (ExitCause::ExitTimeout, _) => None,
            (ExitCause::Drained, Ok(status)) if status.success() => None,
            (ExitCause::Killed(KillReason::Memory { .. }), _) => Some(ExitReason::Memory),
            (ExitCause::Killed(_) | ExitCause::Fault(_), _) => Some(ExitReason::Fault),
            (_, Ok(status)) if status.signal().is_some() => Some(ExitReason::Signal),
            _ => Some(ExitReason::Exited),
        }
    }
}

impl fmt::Display for WorkerExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, &self.status) {
            (ExitCause::Killed(reason), _) => write!(f, "killed: {reason}"),
            (ExitCause::Fault(fault), _) => write!(f, "killed: {fault}"),
            (ExitCause::ExitTimeout, _) => write!(
                f,
                "killed: it did not exit within {EXIT_TIMEOUT:?} of its last response"
            ),
            (_, Ok(status)) => write!(f, "{status}"),
            (_, Err(error)) => write!(f, "{error}"),
        }
    }
}

/// Whether SIGKILL ended the process.
pub(crate) fn is_sigkill(status: &ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(cause: ExitCause, status: i32) -> Option<ExitReason> {
        let exit = WorkerExit {
            worker: 0,
            was_stable: true,
            requests: 0,
            suspect: None,
            cause,
            status: Ok(ExitStatus::from_raw(status)),
        };
        exit.loss()
    }

    #[test]
    fn a_retired_worker_that_ends_in_order_is_not_lost() {
        let (success, kill) = (0, 9);
        assert_eq!(loss(ExitCause::Drained, success), None);
        assert_eq!(loss(ExitCause::ExitTimeout, kill), None);
    }

    #[test]
    fn any_other_end_is_a_loss() {
        let (success, failure, segfault, kill) = (0, 1 << 8, 11, 9);
        let fault = || ExitCause::Fault(io::ErrorKind::Other.into());
        for (cause, status, reason) in [
            (ExitCause::Drained, failure, ExitReason::Exited),
            (ExitCause::Drained, segfault, ExitReason::Signal),
            (ExitCause::Unexpected, success, ExitReason::Exited),
            (ExitCause::Unexpected, kill, ExitReason::Signal),
            (fault(), kill, ExitReason::Fault),
        ] {
            let text = format!("{cause:?} {status}");
            assert_eq!(loss(cause, status), Some(reason), "{text}");
        }
    }
}
