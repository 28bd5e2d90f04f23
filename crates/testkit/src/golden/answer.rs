//! The recorded answers: what of an answer is kept, how it is stored, how two are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{CallAnswer, GoldenError, Json, Keep, Rules};
use crate::http::RawAnswer;

/// The headers that are part of the contract. Everything else is the HTTP stack's own business.
const HEADERS: [&str; 12] = [
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

/// The trailer that holds the text beside a gRPC status code, kept here without its percent-encoding.
pub(super) const MESSAGE: &str = "grpc-message";

/// Every HTTP status is above every gRPC code.
const LOWEST_HTTP: u16 = 100;

/// Headers that are lists: their items are sorted, because the incumbent's order is that of a hash.
const LISTS: [&str; 4] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "allow",
    "vary",
];

/// The part of an answer that the suite looks at.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
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

impl Answer {
    /// Keeps status, contract headers and, with [`Keep::All`], the body; masks what changes from
    /// run to run (see `mask`).
    #[must_use]
    pub fn new(raw: &RawAnswer, keep: Keep) -> Self {
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
    /// [`Keep::All`], the answer's JSON as the body.
    #[must_use]
    pub fn of_call(answer: CallAnswer, keep: Keep) -> Self {
        let mut headers = BTreeMap::new();
        if !answer.details.is_empty() {
            headers.insert(MESSAGE.to_owned(), mask(&answer.details));
        }
        let body = answer.message.filter(|_| keep == Keep::All);
        Self {
            status: answer.status,
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
                    if self.header_globs.contains(name) && super::glob(want, have) => {}
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
            _ if want == have || self.rules.globs && super::glob(want, have) => {}
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
/// else in an answer changes from run to run.
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

/// The recorded answers of the whole suite.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// What was recorded, by name: the versions of the packages that shape the answers.
    pub recorded: BTreeMap<String, String>,
    /// Ids of the groups for which the incumbent did not start.
    fails_to_start: BTreeSet<String>,
    answers: BTreeMap<String, Answer>,
}

impl Golden {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not a golden file.
    pub fn load(path: &Path) -> Result<Self, GoldenError> {
        let text = std::fs::read_to_string(path).map_err(|source| GoldenError::Read {
            path: path.into(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|error| GoldenError::Format {
            path: path.into(),
            what: error.to_string(),
        })
    }

    /// The file's text: one line for each answer, sorted by id.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{{\n  \"recorded\": {},\n  \"fails_to_start\": {},\n  \"answers\": {{\n",
            json(&self.recorded),
            json(&self.fails_to_start)
        );
        let lines: Vec<_> = self
            .answers
            .iter()
            .map(|(id, answer)| format!("    {}: {}", json(id), json(answer)))
            .collect();
        text.push_str(&lines.join(",\n"));
        text.push_str("\n  }\n}\n");
        text
    }

    /// Keeps the answer to the exchange `id`.
    pub fn insert(&mut self, id: &str, answer: Answer) {
        self.answers.insert(id.to_owned(), answer);
    }

    /// Keeps that the server did not start for the group `id`.
    pub fn insert_failed_start(&mut self, id: &str) {
        self.fails_to_start.insert(id.to_owned());
    }

    /// Forgets every answer and failed start whose id `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.answers.retain(|id, _| keep(id));
        self.fails_to_start.retain(|id| keep(id));
    }

    /// Adds everything that `other` holds.
    pub fn extend(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.fails_to_start.extend(other.fails_to_start);
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there is no answer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer to the exchange `id`.
    #[must_use]
    pub fn answer(&self, id: &str) -> Option<&Answer> {
        self.answers.get(id)
    }

    pub(super) fn fails_to_start(&self, group: &str) -> bool {
        self.fails_to_start.contains(group)
    }

    pub(super) fn covers(&self, ids: &[(&str, &str)]) -> Result<(), GoldenError> {
        let missing = ids.iter().find(|(group, exchange)| {
            !self.answers.contains_key(*exchange) && !self.fails_to_start(group)
        });
        match missing {
            Some((_, id)) => Err(GoldenError::Unrecorded {
                id: (*id).to_owned(),
            }),
            None => Ok(()),
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts, numbers and maps of them can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Answer::new(
            &RawAnswer {
                status,
                headers,
                body: body.to_vec(),
            },
            Keep::All,
        )
    }

    #[test]
    fn only_contract_headers_count_and_lists_are_sorted() {
        let got = answer(200, &[("allow", "POST, GET"), ("date", "today")], b"");
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
            answer(200, &kind, b"{\"a\":1}\n").mismatches(&answer(200, &kind, b"{ \"a\": 1 }")),
            [""; 0]
        );
        let text = [("content-type", "text/html")];
        assert_eq!(
            answer(200, &text, b"1")
                .mismatches(&answer(200, &text, b" 1"))
                .len(),
            1
        );
        assert_eq!(
            answer(200, &kind, b"1")
                .mismatches(&answer(500, &text, b"\xff"))
                .len(),
            4
        );
    }

    #[test]
    fn a_golden_file_is_read_back() {
        let mut golden = Golden::default();
        golden.insert("A/plain/é", answer(200, &[("vary", "b, a")], b"NaN"));
        golden.insert("A/plain/b", answer(200, &[], b"\xff"));
        golden.insert_failed_start("A/bad");
        let text = golden.to_text();
        let read: Golden = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_text(), text);
        assert_eq!(read.len(), 2);
        assert!(
            read.covers(&[("A/plain", "A/plain/b"), ("A/bad", "A/bad/x")])
                .is_ok()
        );
        assert!(read.covers(&[("A/plain", "A/plain/c")]).is_err());
    }
}
