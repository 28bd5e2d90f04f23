//! What errors mean over HTTP, and how they are said.

use http::StatusCode;
use streeling_codec::json::encode_string;
use streeling_core::{Error, ErrorKind};

use crate::reply::{Reply, json};
use crate::status::last;

fn of_kind(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::BadData => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::UnknownModel => StatusCode::NOT_FOUND,
        ErrorKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
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
fn of_error(error: &Error) -> StatusCode {
    error
        .http_status
        .and_then(|code| last(i32::from(code)))
        .unwrap_or_else(|| of_kind(error.kind))
}

/// An error as its response.
pub(super) fn failure(error: &Error) -> Reply {
    refusal(of_error(error), &error.info)
}

/// A response of this status that says what is wrong.
pub(super) fn refusal(status: StatusCode, info: &str) -> Reply {
    let mut body = br#"{"error":"#.to_vec();
    encode_string(info, &mut body);
    body.push(b'}');
    json(status, body)
}
