//! Connections that an attacker has: bytes over HTTP/1, calls over HTTP/2 that need not be right.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything that ends takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs an attack on a thread of its own making.
pub(super) fn run<T>(attack: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(attack)
}

/// What came over HTTP/1: the status, 0 for a connection that ended without one, and all the bytes.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
}

/// A request with a body, on a connection that is closed behind it.
pub(super) fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: hostile\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The same in JSON.
pub(super) fn json(path: &str, body: &str) -> Vec<u8> {
    post(path, "application/json", body.as_bytes())
}

/// Sends bytes, and reads what comes until the server closes the connection.
pub(super) async fn send(server: SocketAddr, bytes: &[u8]) -> anyhow::Result<Reply> {
    let mut stream = TcpStream::connect(server).await?;
    let (mut reading, mut writing) = stream.split();
    let mut found = Vec::new();
    // A server that refuses a body does not read the rest of it.
    let write = async { drop(writing.write_all(bytes).await) };
    let read = async {
        let mut piece = vec![0; 64 * 1024];
        loop {
            match reading.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                // The beginning is enough.
                Ok(count) if found.len() < 1 << 20 => found.extend_from_slice(&piece[..count]),
                Ok(_) => {}
            }
        }
    };
    let both = async {
        tokio::pin!(write);
        tokio::pin!(read);
        let mut written = false;
        loop {
            tokio::select! {
                () = &mut write, if !written => written = true,
                () = &mut read => break,
            }
        }
    };
    timeout(TIMEOUT, both)
        .await
        .context("no response in time")?;
    let text = String::from_utf8_lossy(&found).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.filter(|_| text.starts_with("HTTP/1.")).unwrap_or(0);
    Ok(Reply { status, text })
}

/// What came over gRPC.
#[derive(Clone, Debug)]
pub(super) struct Status {
    /// None where the stream was reset or the connection closed.
    pub(super) code: Option<i32>,
    pub(super) message: String,
}

/// A connection by HTTP/2.
pub(super) async fn connect(server: SocketAddr) -> anyhow::Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(server).await?;
    let (send, connection) = h2::client::Builder::new()
        .initial_window_size(16 << 20)
        .initial_connection_window_size(64 << 20)
        .handshake(stream)
        .await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(send)
}

/// A call with one message, compressed by gzip or not.
pub(super) async fn call(
    connection: &SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    message: &[u8],
    compressed: bool,
) -> anyhow::Result<Status> {
    let mut request = http::Request::post(format!("http://hostile{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if compressed {
        request = request.header("grpc-encoding", "gzip");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut ready = connection.clone().ready().await?;
    let (response, mut body) = ready.send_request(request.body(())?, false)?;
    let mut bytes = vec![u8::from(compressed)];
    bytes.extend((message.len() as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    body.send_data(bytes.into(), true)?;
    match timeout(TIMEOUT, status(response)).await {
        Err(_) => bail!("no response in time"),
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Ok(Status {
            code: None,
            message: error.to_string(),
        }),
    }
}

async fn status(response: h2::client::ResponseFuture) -> Result<Status, h2::Error> {
    let response = response.await?;
    let text = |map: &http::HeaderMap, name: &str| {
        let value = map.get(name)?.to_str().ok()?;
        // Enough to be read.
        Some(value.replace("%20", " "))
    };
    let mut code = text(response.headers(), "grpc-status");
    let mut message = text(response.headers(), "grpc-message");
    let mut body = response.into_body();
    while let Some(piece) = body.data().await {
        let count = piece?.len();
        body.flow_control().release_capacity(count)?;
    }
    if let Some(trailers) = body.trailers().await? {
        code = text(&trailers, "grpc-status").or(code);
        message = text(&trailers, "grpc-message").or(message);
    }
    Ok(Status {
        code: code.and_then(|code| code.parse().ok()),
        message: message.unwrap_or_default(),
    })
}

/// The start of a text, in one line of a table.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut line: String = line.chars().take(120).collect();
    line = line.replace('|', "\\|");
    line
}
