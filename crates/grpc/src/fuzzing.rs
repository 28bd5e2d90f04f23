//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use streeling_codec::compression::Coding;
use streeling_core::{Budget, Error, Use};

use crate::frames::Scan;
use crate::request::Limits;
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

/// The message that these packed bytes are, if it has no more than `most` bytes.
///
/// # Errors
///
/// What the client gets to read.
///
/// # Panics
///
/// Where `encoding` is no name of `grpc-encoding`.
pub fn unpacked(packed: &[u8], encoding: &str, most: usize) -> Result<Bytes, Error> {
    let coding = Coding::named(encoding.as_bytes()).expect("a known encoding");
    let limits = Limits {
        size: most,
        idle: Duration::MAX,
        time: Duration::MAX,
    };
    let charge = Budget::new(usize::MAX).account().charge(Use::Received, 0);
    limits.unpacked(packed, coding, charge)
}
