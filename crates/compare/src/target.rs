//! A server that requests are sent to.

mod grpc;
mod http;

use std::time::Duration;

use crate::reply::Reply;
use crate::request::{Request, Sent};
use grpc::Calls;
use http::Connection;

/// Where a server listens: `HOST:PORT` or `http://HOST:PORT` for REST, `grpc://HOST:PORT` for gRPC,
/// or both with a comma between.
#[derive(Clone, Debug)]
pub struct Target {
    http: Option<String>,
    grpc: Option<Calls>,
}

/// A target that is none, or is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

/// One user of a target, which keeps its own connection for REST open.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    target: &'a Target,
    connection: Connection,
}

impl Target {
    /// Reads where the server listens; nothing is connected yet. Must run within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let mut target = Self {
            http: None,
            grpc: None,
        };
        for part in text.split(',') {
            let (scheme, address) = part.split_once("://").unwrap_or(("http", part));
            let address = address.trim_end_matches('/');
            let port = address
                .rsplit_once(':')
                .map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                return Err(TargetError(format!(
                    "\"{part}\", must be HOST:PORT, http://HOST:PORT or grpc://HOST:PORT"
                )));
            }
            match scheme {
                "http" => target.http = Some(address.to_owned()),
                "grpc" => target.grpc = Some(Calls::to(address).map_err(TargetError)?),
                "https" | "grpcs" => {
                    return Err(TargetError(format!(
                        "\"{part}\": this tool speaks no TLS, name a port without it"
                    )));
                }
                _ => {
                    return Err(TargetError(format!(
                        "\"{scheme}\" in \"{part}\", must be http or grpc"
                    )));
                }
            }
        }
        Ok(target)
    }

    /// Checks that the server is there for everything that `requests` need.
    ///
    /// # Errors
    ///
    /// It has no address for a transport, refuses connections, or speaks something else there.
    pub async fn reach(&self, requests: &[Request], timeout: Duration) -> Result<(), TargetError> {
        let wants_calls = requests.iter().any(Request::is_call);
        if wants_calls {
            let calls = self.grpc.as_ref().ok_or_else(|| {
                TargetError(
                    "there are calls over gRPC, and no address for them: add ,grpc://HOST:PORT"
                        .to_owned(),
                )
            })?;
            calls.reach(timeout).await.map_err(TargetError)?;
        }
        if requests.iter().any(|request| !request.is_call()) {
            let address = self.http.as_ref().ok_or_else(|| {
                TargetError(
                    "there are requests over REST, and no address for them: add ,http://HOST:PORT"
                        .to_owned(),
                )
            })?;
            http::reach(address, timeout).await.map_err(TargetError)?;
        }
        Ok(())
    }

    pub(crate) fn sender(&self) -> Sender<'_> {
        Sender {
            target: self,
            connection: Connection::default(),
        }
    }
}

impl Sender<'_> {
    /// Sends one request and reads the whole response.
    ///
    /// # Errors
    ///
    /// Why there is no response.
    pub(crate) async fn send(
        &mut self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Reply, String> {
        let no_address = || "there is no address for this transport".to_owned();
        let reply = async {
            match &request.sent {
                Sent::Http(request) => {
                    let address = self.target.http.as_deref().ok_or_else(no_address)?;
                    self.connection.send(address, request).await
                }
                Sent::Call(call) => {
                    let calls = self.target.grpc.as_ref().ok_or_else(no_address)?;
                    calls.send(call).await
                }
            }
        };
        let result = tokio::time::timeout(timeout, reply).await;
        if !matches!(result, Ok(Ok(_))) {
            // What is left of a response must not become the next one.
            self.connection = Connection::default();
        }
        result.unwrap_or_else(|_| Err(format!("no response within {} s", timeout.as_secs_f64())))
    }
}

#[cfg(test)]
mod tests;
