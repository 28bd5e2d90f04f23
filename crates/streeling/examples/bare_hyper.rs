//! What HTTP/1.1 costs on hyper without anything else: the baseline of `cargo xtask bench native`.
//!
//! `bare_hyper ADDRESS FILE` reads every request's body to its end, as one piece, and responds with
//! the status, the headers and the body of FILE, which holds a response as it went over the wire.
//!
//! As in the server: the versions and features of hyper and Tokio, the allocator, the number of the
//! runtime's threads, `TCP_NODELAY`, the timeout for a request's head and the idle connection that
//! comes with it. What the server does beside that is what is measured: routes, the limits and
//! timeouts of a body, the deadline, reading and writing JSON, the component's call, names and
//! tags, request ids, metrics, catching panics, draining.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[cfg(feature = "mimalloc")]
#[expect(dead_code, reason = "nothing large is to be given back here")]
#[path = "../src/allocator.rs"]
mod allocator;

/// The default of the server's setting `--keepalive`.
const KEEPALIVE: Duration = Duration::from_secs(100);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bare_hyper ADDRESS FILE".into());
    };
    let fixed = Arc::new(Fixed::parse(&std::fs::read(file)?)?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads((cores / 2).clamp(1, 16))
        .enable_all()
        .build()?;
    runtime.block_on(serve(address.parse()?, fixed))
}

async fn serve(address: SocketAddr, fixed: Arc<Fixed>) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await?;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(KEEPALIVE);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let fixed = Arc::clone(&fixed);
        let respond = service_fn(move |request: Request<Incoming>| {
            let fixed = Arc::clone(&fixed);
            async move {
                // A body that breaks off ends the connection, whatever the response is.
                let body = request.into_body().collect().await;
                drop(body.map(Collected::to_bytes));
                Ok::<_, Infallible>(fixed.response())
            }
        });
        tokio::spawn(builder.serve_connection(TokioIo::new(stream), respond));
    }
}

/// The response to every request.
struct Fixed {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Fixed {
    fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or("no end of the headers in the file")?;
        let head = std::str::from_utf8(&bytes[..end])?;
        let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.split(' ').nth(1).ok_or("no status in the file")?;
        let mut headers = HeaderMap::new();
        for line in rest.lines() {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            let name: HeaderName = name.parse()?;
            // Hyper writes these itself, as it does for the server.
            if name != CONTENT_LENGTH && name != DATE {
                headers.append(name, HeaderValue::from_str(value.trim())?);
            }
        }
        Ok(Self {
            status: status.parse()?,
            headers,
            body: Bytes::copy_from_slice(&bytes[end + 4..]),
        })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}
