//! What of a response is kept, and how two are compared.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use streeling_compare::{Json, Rules, glob};

use super::exchange::Keep;
use super::stubs::CallResponse;
use crate::http::Response;

/// The headers that are part of the contract. The HTTP stack decides about all others.
pub(super) const HEADERS: [&str; 12] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "content-type",
    MESSAGE,
    "location",
    "retry-after",
    "vary",
];

/// The trailer that holds the text beside a gRPC status code, kept here without its
/// percent-encoding.
pub(super) const MESSAGE: &str = "grpc-message";

/// Every HTTP status is above every gRPC code.
const LOWEST_HTTP: u16 = 100;

/// Headers that are lists: their items are sorted, because seldon-core's order is that of a hash.
const LISTS: [&str; 4] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "allow",
    "vary",
];

/// The part of a response that the suite looks at.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// How the body is compared; strictly, unless an allowed difference says otherwise.
    #[serde(skip)]
    pub(super) rules: Rules,
    /// The headers whose values may hold `*`; only in an allowed difference.
    #[serde(skip)]
    pub(super) header_globs: BTreeSet<String>,
}

impl Snapshot {
    /// Keeps status, contract headers and, with [`Keep::All`], the body; masks what changes from
    /// run to run (see `mask`).
    #[must_use]
    pub fn new(raw: &Response, keep: Keep) -> Self {
        let headers = raw
            .headers
            .iter()
            .filter(|(name, _)| HEADERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), header(name, value)))
            .collect();
        let (body, base64) = match std::str::from_utf8(&raw.body) {
            _ if keep == Keep::Head => (None, None),
            Ok(text) => (Some(mask(text)), None),
            Err(_) => (None, Some(STANDARD.encode(&raw.body))),
        };
        Self {
            status: raw.status,
            headers,
            body,
            base64,
            rules: Rules::default(),
            header_globs: BTreeSet::new(),
        }
    }

    /// Keeps the code as the status, the text beside it as the header `grpc-message` and, with
    /// [`Keep::All`], the response's JSON as the body.
    #[must_use]
    pub fn of_call(response: CallResponse, keep: Keep) -> Self {
        let mut headers = BTreeMap::new();
        if !response.details.is_empty() {
            headers.insert(MESSAGE.to_owned(), mask(&response.details));
        }
        let body = response.message.filter(|_| keep == Keep::All);
        Self {
            status: response.status,
            headers,
            body: body.as_deref().map(mask),
            ..Self::default()
        }
    }

    /// One line for each way in which `got` is not what `self` says.
    #[must_use]
    pub fn mismatches(&self, got: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.status != got.status {
            found.push(format!("status: want {}, got {}", self.status, got.status));
        }
        for name in HEADERS {
            match (self.headers.get(name), got.headers.get(name)) {
                (Some(want), Some(have)) if want == have => {}
                (Some(want), Some(have))
                    if self.header_globs.contains(name) && glob(want, have) => {}
                (None, None) => {}
                (want, have) => found.push(format!("header {name}: want {want:?}, got {have:?}")),
            }
        }
        if self.base64 != got.base64 {
            found.push(format!(
                "bytes: want {:?}, got {:?}",
                self.base64, got.base64
            ));
        }
        match (&self.body, &got.body) {
            (Some(want), Some(have)) => self.body_mismatches(want, have, &mut found),
            (None, None) => {}
            (want, have) => found.push(format!("body: want {want:?}, got {have:?}")),
        }
        found
    }

    fn body_mismatches(&self, want: &str, have: &str, found: &mut Vec<String>) {
        let json = self.status < LOWEST_HTTP
            || self
                .headers
                .get("content-type")
                .is_some_and(|t| t.contains("json"));
        match (Json::parse(want), Json::parse(have)) {
            (Ok(want), Ok(have)) if json => want.mismatches(&have, self.rules, "$", found),
            _ if want == have || self.rules.globs && glob(want, have) => {}
            _ => found.push(format!("body: want {want:?}, got {have:?}")),
        }
    }
}

fn header(name: &str, value: &str) -> String {
    if !LISTS.contains(&name) {
        return value.to_owned();
    }
    let items: BTreeSet<_> = value.split(',').map(str::trim).collect();
    items.into_iter().collect::<Vec<_>>().join(", ")
}

/// Replaces the digits of a memory address, as Python prints it for an object, by `0x*`. Nothing
/// else in a response changes from run to run.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        let (before, digits) = rest.split_at(at + 2);
        masked.push_str(before);
        let end = digits
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digits.len());
        if end >= 8 {
            masked.push('*');
            rest = &digits[end..];
        } else {
            rest = digits;
        }
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Snapshot {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Snapshot::new(
            &Response {
                status,
                headers,
                body: body.to_vec(),
            },
            Keep::All,
        )
    }

    #[test]
    fn only_contract_headers_count_and_lists_are_sorted() {
        let got = snapshot(200, &[("allow", "POST, GET"), ("date", "today")], b"");
        assert_eq!(
            got.headers,
            BTreeMap::from([("allow".to_owned(), "GET, POST".to_owned())])
        );
    }

    #[test]
    fn addresses_are_masked_and_short_numbers_are_not() {
        assert_eq!(mask("<A at 0x7f00aabbccdd> 0x10"), "<A at 0x*> 0x10");
    }

    #[test]
    fn json_is_compared_by_value_and_text_by_letter() {
        let kind = [("content-type", "application/json")];
        assert_eq!(
            snapshot(200, &kind, b"{\"a\":1}\n").mismatches(&snapshot(200, &kind, b"{ \"a\": 1 }")),
            [""; 0]
        );
        let text = [("content-type", "text/html")];
        assert_eq!(
            snapshot(200, &text, b"1")
                .mismatches(&snapshot(200, &text, b" 1"))
                .len(),
            1
        );
        assert_eq!(
            snapshot(200, &kind, b"1")
                .mismatches(&snapshot(500, &text, b"\xff"))
                .len(),
            4
        );
    }
}
