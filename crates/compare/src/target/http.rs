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
    /// A request is never sent twice. One that was written may have been served, even if the
    /// connection was an old one and no byte of a response came; to send feedback again, or what a
    /// model counts, would change what is compared. So only a request of which nothing was written
    /// moves to a new connection. A server that closes a connection in the very moment in which the
    /// next request leaves is then reported as one that did not respond.
    ///
    /// # Errors
    ///
    /// The request cannot be sent, or there is no response.
    pub(super) async fn send(
        &mut self,
        address: &str,
        request: &HttpRequest,
    ) -> Result<Reply, String> {
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
        let reused = self.still_open().await;
        let since = Instant::now();
        let mut open = match reused {
            Some(open) => open,
            None => connect(address).await?,
        };
        let response = match open.try_send_request(built).await {
            Ok(response) => response,
            Err(mut failed) => {
                let unsent = failed.take_message();
                let unsent = unsent.ok_or_else(|| chain(failed.error()))?;
                open = connect(address).await?;
                let response = open.send_request(unsent).await;
                response.map_err(|error| chain(&error))?
            }
        };
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

    /// The open connection, unless the server has closed it.
    async fn still_open(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut open = self.open.take()?;
        // The task of the connection learns of its end only when it runs.
        tokio::task::yield_now().await;
        open.ready().await.is_ok().then_some(open)
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
