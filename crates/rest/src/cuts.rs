//! Why a connection has ended.

use std::error::Error;
use std::fmt;
use std::io;

use streeling_net::Cut;

/// Why a connection that ended with this error was cut, if it was.
pub(crate) fn of(error: &hyper::Error) -> Option<Cut> {
    if error.is_parse() {
        return Some(Cut::Head);
    }
    // A body of a component's own that failed: whatever its error is, the client did not cause it.
    if error.is_user() {
        return None;
    }
    let error: &io::Error = error.source()?.downcast_ref()?;
    if let Some(inner) = error.get_ref()
        && inner.is::<HeadLate>()
    {
        return Some(Cut::HeadTimeout);
    }
    (error.kind() == io::ErrorKind::TimedOut).then_some(Cut::Unread)
}

/// An error with what has caused it.
pub(crate) fn chain(error: &hyper::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The error of a read when a head has not come in time.
#[derive(Debug)]
pub(crate) struct HeadLate;

impl fmt::Display for HeadLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the head of a request did not come in time (--head-timeout)")
    }
}

impl Error for HeadLate {}
