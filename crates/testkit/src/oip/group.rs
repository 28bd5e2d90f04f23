//! The groups: one model, one start of a server, a file of requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use streeling_compare::{Messages, Pace, Reply, Request, Target, TargetError, send};

use super::FOLDER;
use super::error::OipError;

/// One after another: a request may load or unload.
const PACE: Pace = Pace {
    concurrency: 1,
    timeout: Duration::from_secs(60),
};

/// A server that was recorded.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// `MLServer` with its scikit-learn runtime.
    MlServer,
    /// The Python server of `KServe`.
    KServe,
}

impl Peer {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::MlServer, Self::KServe];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MlServer => "mlserver",
            Self::KServe => "kserve",
        }
    }

    /// What its scikit-learn runtime calls an output without a name.
    #[must_use]
    pub fn output(self) -> &'static str {
        match self {
            Self::MlServer => "predict",
            Self::KServe => "output-0",
        }
    }
}

/// One model, and what is sent to a server that serves it.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name; unique.
    pub id: String,
    /// The name that the model is served by.
    pub model: String,
    /// The fitted model's file, which the recorded servers load.
    pub file: String,
    /// The class that this server serves in its place.
    pub component: String,
    /// The class's parameters besides `output`, by name, in Seldon's form of them.
    pub parameters: BTreeMap<String, String>,
    /// The servers that the requests are recorded from.
    pub peers: Vec<Peer>,
    /// The requests, in their order.
    pub requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    group: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    model: String,
    file: String,
    component: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    peers: Vec<Peer>,
}

impl Group {
    /// Reads the groups of the repository at `root`, and their requests.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or is not of its form.
    pub fn load_all(root: &Path, messages: &Messages) -> Result<Vec<Self>, OipError> {
        let folder = root.join(FOLDER);
        let path = folder.join("groups.toml");
        let file: File = toml::from_str(&read(&path)?).map_err(|error| OipError::Form {
            path,
            what: error.to_string(),
        })?;
        let group = |entry: Entry| {
            let path = folder.join("requests").join(format!("{}.jsonl", entry.id));
            let requests = Request::parse_all(&read(&path)?, messages)
                .map_err(|source| OipError::Request { path, source })?;
            Ok(Self {
                id: entry.id,
                model: entry.model,
                file: entry.file,
                component: entry.component,
                parameters: entry.parameters,
                peers: entry.peers,
                requests,
            })
        };
        file.group.into_iter().map(group).collect()
    }

    /// Sends the requests to `server`, `HOST:PORT,grpc://HOST:PORT`; the replies in their order.
    ///
    /// # Errors
    ///
    /// The server is not there, or there is no response to a request.
    pub fn send(&self, server: &str) -> Result<Vec<Reply>, OipError> {
        let replies = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let target = Target::parse(server)?;
                target.reach(&self.requests, PACE.timeout).await?;
                let mut replies = Vec::new();
                for request in &self.requests {
                    // Over a connection of its own: a server may close one after an error, and then
                    // the next request on it has no response.
                    let one = std::slice::from_ref(request);
                    replies.extend(send(&target, one, PACE, || ()).await);
                }
                Ok::<_, TargetError>(replies)
            })?;
        let named = self.requests.iter().zip(replies);
        named
            .map(|(request, reply)| {
                reply.map_err(|error| OipError::Silent {
                    id: format!("{}/{}", self.id, request.name),
                    error,
                })
            })
            .collect()
    }

    /// The value of Seldon's parameters for the class, so that it names its output as `peer` does.
    #[must_use]
    pub fn seldon_parameters(&self, peer: Peer) -> String {
        let output = serde_json::json!({
            "name": "output", "type": "STRING", "value": peer.output(),
        });
        let others = self.parameters.iter();
        let others = others
            .map(|(name, value)| serde_json::json!({"name": name, "type": "BOOL", "value": value}));
        let all: Vec<_> = std::iter::once(output).chain(others).collect();
        serde_json::Value::from(all).to_string()
    }
}

pub(super) fn read(path: &Path) -> Result<String, OipError> {
    std::fs::read_to_string(path).map_err(|source| OipError::Read {
        path: path.to_owned(),
        source,
    })
}
