//! Bodies of requests: JSON, and JSON with raw tensors behind it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use streeling_core::{Error, ErrorKind, Result};

/// The length of the JSON in a body that has raw tensors behind it.
pub(super) const JSON_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// The parts of a body.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) json: Bytes,
    /// What follows it, where the request says that something may.
    pub(super) binary: Option<Bytes>,
}

/// Takes a body apart, as the header says.
pub(super) fn parts(headers: &HeaderMap, mut body: Bytes) -> Result<Parts> {
    let Some(length) = headers.get(JSON_LENGTH) else {
        return Ok(Parts {
            json: body,
            binary: None,
        });
    };
    let length = length
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse::<usize>().ok());
    let Some(length) = length else {
        return Err(bad(
            "the header Inference-Header-Content-Length must be a number of bytes",
        ));
    };
    if length == 0 && !body.is_empty() {
        return Err(Error::new(
            ErrorKind::NotImplemented,
            "the header Inference-Header-Content-Length is 0, but this server does not know the \
             name, shape and datatype of the one input: they must be said in JSON",
        ));
    }
    if length > body.len() {
        return Err(bad(format!(
            "the header Inference-Header-Content-Length is {length}, the body has {} bytes",
            body.len()
        )));
    }
    let json = body.split_to(length);
    Ok(Parts {
        json,
        binary: Some(body),
    })
}

/// The value of the header for JSON of so many bytes.
pub(super) fn header(length: usize) -> HeaderValue {
    HeaderValue::from(length)
}

fn bad(info: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadData, info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(length: &'static [u8], body: &'static str) -> Result<(Bytes, Option<Bytes>)> {
        let mut headers = HeaderMap::new();
        headers.insert(JSON_LENGTH, HeaderValue::from_bytes(length).unwrap());
        let parts = parts(&headers, body.into())?;
        Ok((parts.json, parts.binary))
    }

    #[test]
    fn the_header_says_where_the_json_ends() {
        assert_eq!(
            split(b"2", "{}abc").unwrap(),
            ("{}".into(), Some("abc".into()))
        );
        assert_eq!(
            split(b"5", "{}abc").unwrap(),
            ("{}abc".into(), Some("".into()))
        );
        let whole = parts(&HeaderMap::new(), "{}".into()).unwrap();
        assert_eq!((whole.json, whole.binary), ("{}".into(), None));
        let info = |length| split(length, "{}abc").unwrap_err().info;
        assert_eq!(
            info(b"6"),
            "the header Inference-Header-Content-Length is 6, the body has 5 bytes"
        );
        for wrong in [
            &b"-1"[..],
            b"x",
            b"1.5",
            b"\xff",
            b"",
            b"99999999999999999999",
        ] {
            assert!(info(wrong).ends_with("must be a number of bytes"));
        }
        assert_eq!(
            split(b"0", "abc").unwrap_err().kind,
            ErrorKind::NotImplemented
        );
    }
}
