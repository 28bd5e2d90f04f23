//! Calls over gRPC, made by seldon-core's own Python stubs in `tests/conformance/grpc_client.py`.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call. Without a message and bytes it sends an empty message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Call {
    /// Service and method, `Model/Predict`; the package is `seldon.protos`.
    pub call: String,
    /// The request in protobuf's JSON form, made by the stubs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    /// The bytes of the request in base64, sent as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// What came back from a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallResponse {
    /// The number of the status code.
    pub status: u16,
    /// The text beside the code.
    pub details: String,
    /// The response as JSON, where there is one: what is present and nothing else.
    pub message: Option<String>,
}

/// A Python that has seldon-core's stubs, and the program that calls them.
#[derive(Clone, Debug)]
pub struct Stubs {
    python: PathBuf,
    client: PathBuf,
}

#[derive(Serialize)]
struct Task<'a> {
    target: String,
    calls: &'a [&'a Call],
}

impl Stubs {
    /// The stubs of the interpreter `python`, called by the client of the repository at `root`.
    #[must_use]
    pub fn new(python: impl Into<PathBuf>, root: &Path) -> Self {
        Self {
            python: python.into(),
            client: root.join("tests/conformance/grpc_client.py"),
        }
    }

    /// The interpreter.
    #[must_use]
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// Makes the calls one after another on one connection, once `server` is ready; the responses
    /// in their order.
    ///
    /// # Errors
    ///
    /// The interpreter cannot be run, or the client failed (`Other`, with what it wrote), as it
    /// does when the server does not respond; responses that are not of the client's form
    /// (`InvalidData`).
    pub fn call(&self, server: SocketAddr, calls: &[&Call]) -> io::Result<Vec<CallResponse>> {
        let target = server.to_string();
        let task = serde_json::to_vec(&Task { target, calls })?;
        let mut child = Command::new(&self.python)
            .arg(&self.client)
            // The variables of a proxy would lead the client astray.
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A client that ended early says why on standard error.
            let _ = input.write_all(&task);
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{}: {log}", output.status)));
        }
        let responses: Vec<CallResponse> = serde_json::from_slice(&output.stdout)?;
        if responses.len() != calls.len() {
            let what = format!("{} responses to {} calls", responses.len(), calls.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(responses)
    }
}
