//! Statuses that a component chooses.

use http::StatusCode;

/// A status that can be the last of a request: those below 200 announce another one.
pub(crate) fn last(code: i32) -> Option<StatusCode> {
    let code = u16::try_from(code).ok()?;
    (200..600)
        .contains(&code)
        .then(|| StatusCode::from_u16(code).ok())
        .flatten()
}
