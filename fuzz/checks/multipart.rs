//! What holds for multipart bodies whatever bytes they are. Shared by the fuzz target and by the
//! test that replays its corpus.

use bytes::Bytes;
use streeling_codec::json;
use streeling_rest::fuzzing;

/// Reads the first line of `input` as the boundary and the rest as the body. A body that is
/// accepted is one JSON object.
pub(crate) fn check(input: &[u8]) {
    let (boundary, body) = match input.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&b"x"[..], input),
    };
    let Ok(boundary) = std::str::from_utf8(boundary) else {
        return;
    };
    match fuzzing::multipart(boundary, Bytes::copy_from_slice(body)) {
        Ok(document) => {
            assert_eq!(document.first(), Some(&b'{'));
            if let Err(error) = json::check(&document) {
                panic!("{error}: {document:?}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
