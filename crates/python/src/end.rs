//! How a worker's part in the pool ended, and whether that was as it should.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use std::{fmt, io};

use crate::dispatch::WorkerId;
use crate::figures::Died;

/// From the end of its last thread to the end of the process: what the component's own threads and
/// exit handlers may take.
pub(crate) const EXIT: Duration = Duration::from_secs(5);

/// How a worker's part ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) id: WorkerId,
    /// It has answered, or served for a while.
    pub(crate) steady: bool,
    pub(crate) cause: Cause,
    pub(crate) status: io::Result<ExitStatus>,
}

/// What ended a worker's part.
#[derive(Debug)]
pub(crate) enum Cause {
    /// Its process or its sockets did, unasked.
    Itself,
    /// It was told that nothing more comes, and has exited.
    Told,
    /// It was told so, and has not exited; killed.
    Lingers,
    /// No call came back, or it broke the protocol; killed.
    Fault(io::Error),
}

impl End {
    /// Whether the front killed it.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.cause, Cause::Lingers | Cause::Fault(_))
    }

    /// How it died, unless it ended as it was told to. One that only did not exit had answered whatever it was
    /// asked, and nobody has lost anything.
    pub(crate) fn died(&self) -> Option<Died> {
        match (&self.cause, &self.status) {
            (Cause::Lingers, _) => None,
            (Cause::Told, Ok(status)) if status.success() => None,
            (Cause::Fault(_), _) => Some(Died::Fault),
            (_, Ok(status)) if status.signal().is_some() => Some(Died::Signal),
            _ => Some(Died::Exited),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, &self.status) {
            (Cause::Fault(fault), _) => write!(f, "killed: {fault}"),
            (Cause::Lingers, _) => write!(
                f,
                "killed: it did not exit within {EXIT:?} of its last answer"
            ),
            (_, Ok(status)) => write!(f, "{status}"),
            (_, Err(error)) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died(cause: Cause, status: i32) -> Option<Died> {
        let end = End {
            id: 0,
            steady: true,
            cause,
            status: Ok(ExitStatus::from_raw(status)),
        };
        end.died()
    }

    #[test]
    fn only_one_that_has_done_as_it_was_told_is_not_lost() {
        let (success, failure, segfault, kill) = (0, 1 << 8, 11, 9);
        assert_eq!(died(Cause::Told, success), None);
        assert_eq!(died(Cause::Lingers, kill), None);
        for (cause, status, how) in [
            (Cause::Told, failure, Died::Exited),
            (Cause::Told, segfault, Died::Signal),
            (Cause::Itself, success, Died::Exited),
            (Cause::Itself, kill, Died::Signal),
            (Cause::Fault(io::ErrorKind::Other.into()), kill, Died::Fault),
        ] {
            let said = format!("{cause:?} {status}");
            assert_eq!(died(cause, status), Some(how), "{said}");
        }
    }
}
