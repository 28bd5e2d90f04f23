//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use bytes::Bytes;
use streeling_core::Error;

/// The JSON document that a whole multipart body stands for.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) when it stands for none.
pub fn multipart(boundary: &str, body: Bytes) -> Result<Bytes, Error> {
    crate::seldon::multipart_document(Some(boundary), body)
}
