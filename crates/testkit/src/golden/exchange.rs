//! The requests of the suite, read from `tests/conformance/exchanges/COMPONENT.json` and, for gRPC,
//! `tests/conformance/exchanges/grpc/COMPONENT.json`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::GoldenError;
use super::stubs::Call;
use super::transport::Transport;
use crate::http::Request;

/// One start of a server, and the requests that are sent to it in this order.
#[derive(Clone, Debug)]
pub struct Group {
    /// `COMPONENT/GROUP`; unique.
    pub id: String,
    /// Interface name of the component: module and class.
    pub component: String,
    /// Command-line arguments besides the interface name and the ports.
    pub flags: Vec<String>,
    /// The environment's variables that matter to the server.
    pub env: BTreeMap<String, String>,
    /// Whether seldon-core needs TensorFlow beside it for them.
    pub tensorflow: bool,
    /// The requests.
    pub exchanges: Vec<Exchange>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `COMPONENT/GROUP/NAME`; unique.
    pub id: String,
    /// What is sent.
    pub request: AnyRequest,
    /// How much of the response is kept and compared.
    pub keep: Keep,
}

/// What is sent, by its transport.
#[derive(Clone, Debug)]
pub enum AnyRequest {
    /// Over REST.
    Http(Request),
    /// Over gRPC.
    Call(Call),
}

/// How much of a response counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Status, headers (over gRPC: the text beside the code) and body.
    #[default]
    All,
    /// All but the body.
    Head,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    group: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    tensorflow: bool,
    exchanges: Vec<ExchangeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeFile {
    name: String,
    method: Option<String>,
    path: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    base64: Option<String>,
    call: Option<String>,
    message: Option<serde_json::Value>,
    #[serde(default)]
    keep: Keep,
}

/// Reads every exchange file of `transport` below `folder` (`tests/conformance`), in the order of
/// their names.
///
/// # Errors
///
/// A file that cannot be read or parsed, or an id that occurs twice.
pub fn load_groups(folder: &Path, transport: Transport) -> Result<Vec<Group>, GoldenError> {
    let dir = folder.join(transport.exchanges());
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .map_err(|source| GoldenError::Read {
            path: dir.clone(),
            source,
        })?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    let mut groups = Vec::new();
    for path in files {
        let component = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).map_err(|source| GoldenError::Read {
            path: path.clone(),
            source,
        })?;
        let parsed: Vec<GroupFile> =
            serde_json::from_str(&text).map_err(|error| GoldenError::Format {
                path: path.clone(),
                what: error.to_string(),
            })?;
        for group in parsed {
            let group =
                group
                    .into_group(&component, transport)
                    .map_err(|what| GoldenError::Format {
                        path: path.clone(),
                        what,
                    })?;
            groups.push(group);
        }
    }
    let ids = groups
        .iter()
        .flat_map(|group| group.exchanges.iter().map(|e| e.id.as_str()));
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(GoldenError::Twice { id: id.to_owned() });
        }
    }
    Ok(groups)
}

impl GroupFile {
    fn into_group(self, component: &str, transport: Transport) -> Result<Group, String> {
        let id = format!("{component}/{}", self.group);
        let exchanges: Result<_, _> = self
            .exchanges
            .into_iter()
            .map(|e| e.into_exchange(&id, transport))
            .collect();
        Ok(Group {
            exchanges: exchanges?,
            component: component.to_owned(),
            flags: self.flags,
            env: self.env,
            tensorflow: self.tensorflow,
            id,
        })
    }
}

impl ExchangeFile {
    fn into_exchange(self, group: &str, transport: Transport) -> Result<Exchange, String> {
        let id = format!("{group}/{}", self.name);
        let keep = self.keep;
        let request = match transport {
            Transport::Rest => self.into_request(&id).map(AnyRequest::Http),
            Transport::Grpc => self.into_call(&id).map(AnyRequest::Call),
        };
        Ok(Exchange {
            request: request?,
            id,
            keep,
        })
    }

    fn into_call(self, id: &str) -> Result<Call, String> {
        let rest = self.method.is_some() || self.path.is_some() || self.body.is_some();
        if rest || self.headers.is_some() {
            return Err(format!("{id}: method, path, body and headers are for REST"));
        }
        if self.message.is_some() && self.base64.is_some() {
            return Err(format!("{id}: both message and base64"));
        }
        Ok(Call {
            call: self.call.ok_or_else(|| format!("{id}: no call"))?,
            message: self.message,
            base64: self.base64,
        })
    }

    fn into_request(self, id: &str) -> Result<Request, String> {
        if self.call.is_some() || self.message.is_some() {
            return Err(format!("{id}: call and message are for gRPC"));
        }
        let body = match (self.body, self.base64) {
            (Some(_), Some(_)) => return Err(format!("{id}: both body and base64")),
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(text)) => Some(
                STANDARD
                    .decode(text)
                    .map_err(|error| format!("{id}: base64: {error}"))?,
            ),
            (None, None) => None,
        };
        let headers = match self.headers {
            Some(headers) => headers.into_iter().collect(),
            None if body.is_some() => {
                vec![("content-type".to_owned(), "application/json".to_owned())]
            }
            None => Vec::new(),
        };
        Ok(Request {
            method: self.method.unwrap_or_else(|| "POST".to_owned()),
            path: self.path.unwrap_or_else(|| "/predict".to_owned()),
            headers,
            body,
        })
    }
}
