//! HTTP/1.1, one connection kept open.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::reply::Reply;
use crate::request::HttpRequest;

/// A connection to a server, or none yet.
#[derive(Debug, Default)]
pub(super) struct Connection {
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Sends a request, on the open connection if there is one.
    ///
    /// # Errors
    ///
    /// The request cannot be sent, or there is no response.
    pub(super) async fn send(
        &mut self,
        address: &str,
        request: &HttpRequest,
    ) -> Result<Reply, String> {
        let reused = self.open.is_some();
        match self.try_send(address, request).await {
            // The server may close a connection that was idle just as the next request leaves.
            Err(_) if reused => {
                self.open = None;
                self.try_send(address, request).await
            }
            result => result,
        }
    }

    async fn try_send(&mut self, address: &str, request: &HttpRequest) -> Result<Reply, String> {
        let mut built = http::Request::builder()
            .method(request.method.as_str())
            .uri(request.path.as_str())
            .header("host", address);
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        let body = Full::new(request.body.clone().unwrap_or_default());
        let built = built
            .body(body)
            .map_err(|error| format!("cannot be sent: {error}"))?;
        let since = Instant::now();
        let mut open = match self.open.take() {
            Some(open) if !open.is_closed() => open,
            _ => connect(address).await?,
        };
        open.ready().await.map_err(|error| chain(&error))?;
        let response = open
            .send_request(built)
            .await
            .map_err(|error| chain(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| chain(&error))?;
        let took = since.elapsed();
        self.open = Some(open);
        let kind = head.headers.get("content-type");
        Ok(Reply {
            status: head.status.as_u16(),
            content_type: kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned()),
            text: String::new(),
            body: body.to_bytes(),
            took,
        })
    }
}

/// Checks that something accepts connections there and speaks HTTP/1.1.
pub(super) async fn reach(address: &str, timeout: Duration) -> Result<(), String> {
    let ping = HttpRequest {
        method: "GET".to_owned(),
        path: "/health/ping".to_owned(),
        headers: Vec::new(),
        body: None,
    };
    let mut connection = Connection::default();
    match tokio::time::timeout(timeout, connection.send(address, &ping)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("no REST at {address}: {error}")),
        Err(_) => Err(format!(
            "no REST at {address}: no response to GET /health/ping within {} s",
            timeout.as_secs_f64()
        )),
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("cannot connect to {address}: {error}"))?;
    // A small request must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(|error| chain(&error))?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| chain(&error))?;
    // Its errors are those of the requests on it.
    tokio::spawn(connection);
    Ok(sender)
}

/// An error and its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
