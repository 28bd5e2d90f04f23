//! What errors and statuses of messages mean over HTTP.

use http::StatusCode;
use streeling_core::{Error, ErrorKind, Message};

use crate::status::last;

/// The table of the wire contract.
fn of_kind(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::BadData | ErrorKind::NotImplemented => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::UnknownModel => StatusCode::NOT_FOUND,
        ErrorKind::Component
        | ErrorKind::BadMetric
        | ErrorKind::BadMetadata
        | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::QueueFull
        | ErrorKind::MemoryFull
        | ErrorKind::WorkerLost
        | ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The status of an error: what the component's exception requests, else what its kind means.
pub(super) fn of_error(error: &Error) -> StatusCode {
    error
        .http_status
        .and_then(|code| last(i32::from(code)))
        .unwrap_or_else(|| of_kind(error.kind))
}

/// The status of a response: its `status.code` if that is set, else 200.
///
/// # Errors
///
/// [`ErrorKind::Component`] when the code is no status that can end a request.
pub(super) fn of_message(message: &Message) -> Result<StatusCode, Error> {
    match message.status.as_ref().map_or(0, |status| status.code) {
        0 => Ok(StatusCode::OK),
        code => last(code).ok_or_else(|| {
            Error::new(
                ErrorKind::Component,
                format!("the component returned status.code {code}, allowed are 200 to 599"),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::Status;

    use super::*;

    #[test]
    fn component_may_choose_a_last_status_only() {
        let with = |http_status| {
            of_error(&Error {
                http_status,
                ..Error::new(ErrorKind::Component, "boom")
            })
        };
        assert_eq!(with(Some(418)), 418);
        assert_eq!(with(Some(101)), 500);
        assert_eq!(with(Some(600)), 500);
        assert_eq!(with(None), 500);
    }

    #[test]
    fn response_may_carry_its_status() {
        let with = |code| {
            of_message(&Message {
                status: Some(Box::new(Status {
                    code,
                    ..Status::default()
                })),
                ..Message::default()
            })
        };
        assert_eq!(of_message(&Message::default()).unwrap(), 200);
        assert_eq!(with(0).unwrap(), 200);
        assert_eq!(with(404).unwrap(), 404);
        assert_eq!(with(599).unwrap(), 599);
        for code in [-1, 1, 100, 199, 600, 70_000] {
            assert_eq!(
                with(code).unwrap_err().info,
                format!("the component returned status.code {code}, allowed are 200 to 599")
            );
        }
    }
}
