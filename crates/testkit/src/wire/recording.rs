//! A client's connections in a file.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::reader::{Protocol, Reader};
use super::relay::{Passage, Side};
use crate::golden::{Keep, Snapshot};

/// What a client sent and what it got.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The client and its version.
    pub client: String,
    /// Its connections, in the order in which they were opened.
    pub connections: Vec<Conversation>,
}

/// One connection.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// What the connection speaks.
    pub protocol: Protocol,
    /// What the client sent.
    pub steps: Vec<Step>,
    /// The responses to it: by their number over HTTP/1, interim ones included; by their stream
    /// over HTTP/2, where the status is gRPC's.
    pub responses: BTreeMap<u32, Snapshot>,
}

/// Bytes that a client sends once it has got enough.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Responses that were complete before.
    pub after: usize,
    /// The bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be read or written, or holds something else.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What was wrong.
        error: String,
    },
    /// The server sent what its protocol does not allow.
    #[error("connection {connection}: {error}")]
    Protocol {
        /// Which one, from 1.
        connection: usize,
        /// What was wrong.
        error: String,
    },
    /// The client did not wait for its responses, or the server sent none.
    #[error("connection {connection}: {open} requests have no complete response")]
    Open {
        /// Which one, from 1.
        connection: usize,
        /// How many.
        open: usize,
    },
}

impl Recording {
    /// Makes a recording of what a relay kept. Connections on which the client sent nothing are
    /// left out.
    ///
    /// # Errors
    ///
    /// `Protocol` and `Open`.
    pub fn new(client: &str, connections: &[Vec<Passage>]) -> Result<Self, RecordingError> {
        let from_client = |passage: &Passage| passage.from == Side::Client;
        let used = connections
            .iter()
            .filter(|passages| passages.iter().any(from_client));
        let connections = used
            .zip(1..)
            .map(|(passages, connection)| Conversation::new(passages, connection));
        Ok(Self {
            client: client.to_owned(),
            connections: connections.collect::<Result<_, _>>()?,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// `File`.
    pub fn load(path: &Path) -> Result<Self, RecordingError> {
        let text = std::fs::read_to_string(path).map_err(|error| file(path, &error))?;
        serde_json::from_str(&text).map_err(|error| file(path, &error))
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// `File`.
    pub fn save(&self, path: &Path) -> Result<(), RecordingError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| file(path, &error))?;
        std::fs::write(path, text + "\n").map_err(|error| file(path, &error))
    }
}

impl Conversation {
    fn new(passages: &[Passage], connection: usize) -> Result<Self, RecordingError> {
        let protocol_error = |error| RecordingError::Protocol { connection, error };
        let start: Vec<u8> = passages
            .iter()
            .filter(|passage| passage.from == Side::Client)
            .flat_map(|passage| passage.bytes.iter().copied())
            .collect();
        let protocol = Reader::protocol(&start);
        let mut reader = Reader::new(protocol);
        let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
        for Passage { from, bytes } in passages {
            match from {
                Side::Server => reader.received(bytes).map_err(protocol_error)?,
                Side::Client => {
                    reader.sent(bytes);
                    let after = reader.completed();
                    match parts.last_mut() {
                        Some((same, sent)) if *same == after => sent.extend_from_slice(bytes),
                        _ => parts.push((after, bytes.clone())),
                    }
                }
            }
        }
        reader.ended();
        match reader.open() {
            0 => {}
            open => return Err(RecordingError::Open { connection, open }),
        }
        let responses = reader.responses().map_err(protocol_error)?;
        let responses = responses
            .iter()
            .map(|(number, response)| (*number, Snapshot::new(response, Keep::All)));
        Ok(Self {
            protocol,
            steps: parts.into_iter().map(Step::new).collect(),
            responses: responses.collect(),
        })
    }
}

impl Step {
    fn new((after, bytes): (usize, Vec<u8>)) -> Self {
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self {
            after,
            text,
            base64,
        }
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        match (&self.text, &self.base64) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(base64)) => STANDARD.decode(base64).map_err(|error| error.to_string()),
            _ => Err("a step has either text or base64".to_owned()),
        }
    }
}

fn file(path: &Path, error: &dyn std::fmt::Display) -> RecordingError {
    RecordingError::File {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}
