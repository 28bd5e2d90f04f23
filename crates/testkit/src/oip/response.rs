//! A response as it is kept, and the files of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use streeling_compare::{Messages, Reply, Request, Sent};

use super::FOLDER;
use super::error::OipError;
use super::group::{Group, Peer, read};

/// What stands in place of an id that a server has drawn.
const DRAWN: &str = "{uuid}";

/// The part of a response that counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The HTTP status; over gRPC the number of the status code.
    pub status: u16,
    /// The media type of the body; none over gRPC.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The text beside a gRPC status code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The body; over gRPC the message as JSON. Where it is not UTF-8, the replacement character is
    /// in its place.
    pub body: String,
}

/// What one server responded to one group.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Versions of the packages that shape the responses.
    pub versions: BTreeMap<String, String>,
    responses: BTreeMap<String, Recorded>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    response: Recorded,
}

impl Recorded {
    /// What is kept of `reply` to `request`.
    ///
    /// # Errors
    ///
    /// A message of protobuf that is none.
    pub fn new(request: &Request, reply: &Reply, messages: &Messages) -> Result<Self, String> {
        let body = match &request.sent {
            Sent::Call(_) if reply.status != 0 => String::new(),
            Sent::Call(call) => messages.response(&call.call, &reply.body)?.to_string(),
            Sent::Http(_) => last_of_traceback(&String::from_utf8_lossy(&reply.body)).to_owned(),
        };
        let media_type = reply.content_type.as_deref();
        let media_type = media_type.map(|kind| kind.split(';').next().unwrap_or_default());
        Ok(Self {
            status: reply.status,
            media_type: media_type.map(|kind| kind.trim().to_owned()),
            text: mask(&reply.text, request),
            body: mask(&body, request),
        })
    }

    /// Whether the request was served.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status, 0 | 200..300)
    }
}

impl Recording {
    /// The responses of a server with these `versions`, in the order of the group's requests.
    #[must_use]
    pub fn new(
        versions: BTreeMap<String, String>,
        group: &Group,
        responses: Vec<Recorded>,
    ) -> Self {
        let names = group.requests.iter().map(|request| request.name.clone());
        Self {
            versions,
            responses: names.zip(responses).collect(),
        }
    }

    /// Where the responses of `peer` to `group` are, below the repository's root.
    #[must_use]
    pub fn path(root: &Path, group: &Group, peer: Peer) -> PathBuf {
        let name = format!("{}.{}.jsonl", group.id, peer.name());
        root.join(FOLDER).join("recorded").join(name)
    }

    /// Reads what `peer` responded to `group`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or does not have one response for each request.
    pub fn load(root: &Path, group: &Group, peer: Peer) -> Result<Self, OipError> {
        let path = Self::path(root, group, peer);
        let text = read(&path)?;
        let fault = |what: String| OipError::Form {
            path: path.clone(),
            what,
        };
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let versions = serde_json::from_str(first).map_err(|error| fault(error.to_string()))?;
        let mut responses = BTreeMap::new();
        for (index, text) in lines.enumerate() {
            let line: Line = serde_json::from_str(text)
                .map_err(|error| fault(format!("line {}: {error}", index + 2)))?;
            responses.insert(line.name, line.response);
        }
        let requests: Vec<_> = group.requests.iter().map(|request| &request.name).collect();
        if let Some(name) = requests.iter().find(|name| !responses.contains_key(**name)) {
            return Err(fault(format!("no response to \"{name}\"; record again")));
        }
        if let Some(name) = responses.keys().find(|name| !requests.contains(name)) {
            return Err(fault(format!("no request \"{name}\"; record again")));
        }
        Ok(Self {
            versions,
            responses,
        })
    }

    /// The text of the file: the versions, then a line for each request in the group's order.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers can be written as JSON.
    #[must_use]
    pub fn to_text(&self, group: &Group) -> String {
        let mut text = json(&self.versions) + "\n";
        for request in &group.requests {
            let line = Line {
                name: request.name.clone(),
                response: self.responses[&request.name].clone(),
            };
            text.push_str(&(json(&line) + "\n"));
        }
        text
    }

    /// The response to the request of this name.
    #[must_use]
    pub fn response(&self, name: &str) -> Option<&Recorded> {
        self.responses.get(name)
    }
}

/// A traceback names files of the machine that the server is on; what was raised is enough.
fn last_of_traceback(text: &str) -> &str {
    match text.contains("Traceback (most recent call last)") {
        true => text.trim_end().lines().last().unwrap_or_default(),
        false => text,
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written as JSON")
}

/// Replaces ids that the request does not have, and digits of memory addresses: they change from
/// run to run.
fn mask(text: &str, request: &Request) -> String {
    let sent = match &request.sent {
        Sent::Http(sent) => sent.body.as_deref().unwrap_or_default(),
        Sent::Call(call) => &call.message,
    };
    let sent = String::from_utf8_lossy(sent);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(id) = rest
            .get(..36)
            .filter(|id| is_uuid(id) && !sent.contains(*id))
        {
            masked.push_str(DRAWN);
            rest = &rest[id.len()..];
        } else if let Some(digits) = rest.strip_prefix("0x7f") {
            masked.push_str("0x*");
            rest = digits.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        } else {
            masked.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    masked
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
