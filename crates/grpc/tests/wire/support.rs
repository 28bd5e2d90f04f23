//! A server around a scripted model, and clients for it.

use std::future::{Ready, ready};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc, Protocol};
use streeling_net::Drained;
use streeling_proto::seldon::protos::model_client::ModelClient;
use streeling_proto::seldon::protos::{SeldonMessage, seldon_message};
use streeling_testkit::{Dialer, Harness};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tower_service::Service;

/// Longer than anything that a test waits for when all is well. The clock is paused: it goes on
/// only when everybody waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3600);

pub(crate) const PREDICT: &str = "/seldon.protos.Model/Predict";

/// A running server.
pub(crate) struct Server(Harness);

impl Deref for Server {
    type Target = Harness;

    fn deref(&self) -> &Harness {
        &self.0
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&Config::default())
    }

    pub(crate) fn with(config: &Config) -> Self {
        Self::speaking(config, vec![Arc::new(Seldon)])
    }

    pub(crate) fn speaking(config: &Config, protocols: Vec<Arc<dyn Protocol>>) -> Self {
        Self::of(Harness::start(|models, observers, ready| {
            Grpc::new(config, protocols, models, observers, ready)
        }))
    }

    pub(crate) fn of(harness: Harness) -> Self {
        Self(harness)
    }

    /// A channel as generated clients want it.
    pub(crate) async fn channel(&self) -> Channel {
        let connector = Connector(self.dialer.clone());
        let endpoint = Endpoint::from_static("http://x");
        endpoint.connect_with_connector(connector).await.unwrap()
    }

    pub(crate) async fn client(&self) -> ModelClient<Channel> {
        ModelClient::new(self.channel().await)
    }

    /// Predicts on a text, which is a command to the model.
    pub(crate) async fn command(&self, command: &str) -> Result<SeldonMessage, Status> {
        let response = self.client().await.predict(text(command)).await?;
        Ok(response.into_inner())
    }

    /// A connection without a gRPC library in between.
    pub(crate) async fn connect(&self) -> Client {
        let io = TokioIo::new(self.0.connect());
        let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        let ended =
            tokio::spawn(async move { connection.await.map_err(|error| error.to_string()) });
        Client { sender, ended }
    }

    /// A connection for bytes.
    pub(crate) fn connect_raw(&self) -> DuplexStream {
        self.0.connect()
    }

    /// Stops it, without waiting.
    pub(crate) fn stop_within(self, grace: Duration) -> JoinHandle<Drained> {
        self.0.stop_within(grace)
    }
}

/// Connects tonic's channels to the server.
struct Connector(Dialer);

impl Service<Uri> for Connector {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let refused = io::ErrorKind::ConnectionRefused;
        let io = self.0.connect().ok_or_else(|| refused.into());
        ready(io.map(TokioIo::new))
    }
}

/// Waits for what must come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("it never comes")
}

/// An HTTP/2 connection.
pub(crate) struct Client {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    /// How the connection ended.
    pub(crate) ended: JoinHandle<Result<(), String>>,
}

/// What came back, with `grpc-status` wherever it stood.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) http: u16,
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        within(self.sender.ready()).await.unwrap();
        within(self.sender.send_request(request)).await.unwrap()
    }

    pub(crate) async fn call(&mut self, request: Request<Full<Bytes>>) -> Reply {
        let (head, body) = self.send(request).await.into_parts();
        let body = within(body.collect()).await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        let find = |name: &str| {
            let value = trailers.get(name).or_else(|| head.headers.get(name))?;
            Some(value.to_str().unwrap().to_owned())
        };
        Reply {
            http: head.status.as_u16(),
            code: find("grpc-status").map(|code| code.parse().unwrap()),
            text: find("grpc-message").unwrap_or_default(),
            body: body.to_bytes(),
            headers: head.headers,
        }
    }
}

/// A message of text.
pub(crate) fn text(text: &str) -> SeldonMessage {
    SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::StrData(text.to_owned())),
        ..SeldonMessage::default()
    }
}

/// The text of a message.
pub(crate) fn text_of(message: &SeldonMessage) -> &str {
    match &message.data_oneof {
        Some(seldon_message::DataOneof::StrData(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// The messages of a body.
pub(crate) fn messages(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = body.split_first_chunk::<5>() {
        let [flag, length @ ..] = *prefix;
        assert_eq!(flag, 0);
        let (message, rest) = rest.split_at(u32::from_be_bytes(length) as usize);
        messages.push(message.to_vec());
        body = rest;
    }
    assert_eq!(body, b"");
    messages
}

/// A command to the model in its frame.
pub(crate) fn framed_command(command: &str) -> Vec<u8> {
    framed(&text(command).encode_to_vec())
}

pub(crate) fn post(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(format!("http://x{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body.into()))
        .unwrap()
}
