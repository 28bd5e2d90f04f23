//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use bytes::Bytes;
use streeling_core::{Error, Input, Method};

use crate::framing::Framing;

/// The JSON document that a whole multipart body stands for.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) when it stands for none.
pub fn multipart(boundary: &str, body: Bytes) -> Result<Bytes, Error> {
    crate::seldon::multipart_document(Some(boundary), body, usize::MAX)
}

/// What a request comes to that brings its JSON in any of the ways there are: as the body, in a
/// form of either kind, in the query.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) where it cannot be understood.
pub fn input(
    method: Method,
    content_type: &str,
    query: Option<&str>,
    body: Bytes,
) -> Result<Input, Error> {
    crate::seldon::input_of(method, content_type, query, body)
}

/// What the first pass over a connection's bytes makes of them, which come `step` bytes at a time
/// (at least one): how many heads have ended, why the next one is refused, and whether it ends
/// within a head.
#[must_use]
pub fn heads(bytes: &[u8], step: usize) -> (u64, Option<String>, bool) {
    let mut framing = Framing::new();
    for piece in bytes.chunks(step) {
        framing.advance(piece);
    }
    let heads = framing.ended();
    let fault = framing.verdict().of(heads);
    let is_within_head = fault.is_none() && framing.is_within_head();
    (heads, fault.map(|fault| fault.to_string()), is_within_head)
}
