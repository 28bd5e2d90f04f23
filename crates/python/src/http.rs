//! Requests as they came, and responses that a component writes itself, as items.

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};
use streeling_core::{Error, Header, Original, Page};

use crate::frame::{Fault, ItemKind};
use crate::item::{Buffer, fit};

#[derive(Serialize)]
struct RequestHead<'a> {
    transport: &'a str,
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, String)>,
    peer: Option<(String, u16)>,
    allowed: Option<&'a str>,
}

#[derive(Deserialize)]
struct ResponseHead {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Buffer {
    /// Adds the request as it came.
    pub(crate) fn original(&mut self, original: &Original) -> Result<(), Error> {
        let head = RequestHead {
            transport: original.transport,
            method: &original.verb,
            target: &original.target,
            headers: original
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)))
                .collect(),
            peer: original
                .peer
                .map(|peer| (peer.ip().to_string(), peer.port())),
            allowed: original.allowed,
        };
        let head = serde_json::to_vec(&head).expect("text and numbers are JSON");
        let length = fit(head.len(), u32::MAX, "bytes of a request's head")?;
        let prefix = [&length.to_le_bytes()[..], &head].concat();
        self.pair(ItemKind::Http, &prefix, &original.body);
        Ok(())
    }
}

/// Reads a component's own response: status, headers, body.
pub(crate) fn page(mut item: Bytes) -> Result<Page, Fault> {
    let length = item.try_get_u32_le().map_err(|_| Fault::Items)? as usize;
    if length > item.len() {
        return Err(Fault::Items);
    }
    let head: ResponseHead = serde_json::from_slice(&item.split_to(length))
        .map_err(|error| Fault::Json(error.to_string()))?;
    let header =
        |(name, value): (String, String)| -> Result<Header, Fault> { Ok((name, bytes(&value)?)) };
    Ok(Page {
        status: Some(head.status),
        headers: head
            .headers
            .into_iter()
            .map(header)
            .collect::<Result<_, _>>()?,
        body: item,
    })
}

/// A header's value as text, with a character for each byte, since HTTP does not say what its
/// bytes mean.
fn text(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// The bytes of such text.
fn bytes(value: &str) -> Result<Bytes, Fault> {
    let byte = |character| u8::try_from(u32::from(character)).map_err(|_| Fault::Header);
    value.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_headers_keep_their_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&text(&all)).unwrap(), all);
        assert!(matches!(bytes("\u{100}"), Err(Fault::Header)));
    }

    #[test]
    fn a_page_that_is_cut_off_is_a_fault() {
        let item = |length: u32, rest: &str| {
            let item = [&length.to_le_bytes()[..], rest.as_bytes()].concat();
            page(item.into())
        };
        let head = r#"{"status":402,"headers":[["A","\u00ff"]]}"#;
        let whole = item(head.len() as u32, &format!("{head}body")).unwrap();
        let expected = Page {
            status: Some(402),
            headers: vec![("A".to_owned(), Bytes::from_static(b"\xff"))],
            body: "body".into(),
        };
        assert_eq!(whole, expected);
        for length in [0, 5, head.len() as u32 + 9] {
            assert!(item(length, head).is_err(), "{length}");
        }
        assert!(page(Bytes::from_static(b"\0\0")).is_err());
    }
}
