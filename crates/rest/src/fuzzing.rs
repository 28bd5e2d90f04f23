//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use bytes::Bytes;
use futures_util::FutureExt as _;
use streeling_core::{Error, ErrorKind};

/// The JSON document that a whole multipart body stands for.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when it stands for none.
pub fn multipart(boundary: &str, body: Bytes) -> Result<Bytes, Error> {
    // The body is all there, so that there is nothing to wait for.
    crate::multipart::document(Some(boundary), body)
        .now_or_never()
        .unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::Internal,
                "a whole body was waited for",
            ))
        })
}
