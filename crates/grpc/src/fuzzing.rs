//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::frames::Scan;
use crate::timeout;

/// The heads of the HTTP/2 frames in `bytes`, which come `step` bytes at a time (at least one),
/// each as a text to be compared.
#[must_use]
pub fn heads(bytes: &[u8], step: usize) -> Vec<String> {
    let mut scan = Scan::after(0);
    let mut heads = Vec::new();
    for piece in bytes.chunks(step) {
        scan.advance(piece, |head| heads.push(format!("{head:?}")));
    }
    heads
}

/// How long a caller waits whose header `grpc-timeout` has this value; `None` for what is no value
/// of a header.
///
/// # Errors
///
/// The text of the status that refuses it.
pub fn timeout(value: &[u8]) -> Option<Result<Duration, String>> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), value)]);
    match timeout::of(&headers) {
        Ok(waits) => waits.map(Ok),
        Err(status) => Some(Err(status.message().to_owned())),
    }
}
