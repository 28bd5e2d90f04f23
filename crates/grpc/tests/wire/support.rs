//! A server around a component that does as it is told, and clients for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use streeling_core::{Observer, Unit, UnitConfig};
use streeling_grpc::{Config, Drained, bind};
use streeling_proto::seldon::protos::model_client::ModelClient;
use streeling_proto::seldon::protos::{SeldonMessage, seldon_message};
use streeling_testkit::{Scripted, Recorder};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

/// Longer than anything that a test waits for when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const PREDICT: &str = "/seldon.protos.Model/Predict";

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) component: Arc<Scripted>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ready: watch::Sender<bool>,
    shutdown: oneshot::Sender<Duration>,
    task: JoinHandle<Drained>,
}

pub(crate) fn config() -> Config {
    Config {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..Config::default()
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let listening = bind(config).unwrap().listen().unwrap();
        let address = listening.local_addr();
        let component = Arc::new(Scripted::default());
        let recorder = Arc::new(Recorder::default());
        let observers: [Arc<dyn Observer>; 1] = [recorder.clone()];
        let config = UnitConfig {
            observers: observers.into_iter().collect(),
            ..UnitConfig::default()
        };
        let unit = Unit::new(component.clone(), config);
        let (ready, is_ready) = watch::channel(true);
        let (shutdown, told) = oneshot::channel();
        let task =
            tokio::spawn(listening.serve(unit, is_ready, async { told.await.unwrap_or(PATIENCE) }));
        Self {
            address,
            component,
            recorder,
            ready,
            shutdown,
            task,
        }
    }

    /// A channel as generated clients want it.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub(crate) async fn model(&self) -> ModelClient<Channel> {
        ModelClient::new(self.channel().await)
    }

    /// Predicts on a text, which is an order to the component.
    pub(crate) async fn order(&self, order: &str) -> Result<SeldonMessage, Status> {
        let answer = self.model().await.predict(text(order)).await?;
        Ok(answer.into_inner())
    }

    /// A connection without a gRPC library in between.
    pub(crate) async fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        let ended =
            tokio::spawn(async move { connection.await.map_err(|error| error.to_string()) });
        Client { sender, ended }
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn stop_within(self, grace: Duration) -> JoinHandle<Drained> {
        self.shutdown.send(grace).unwrap();
        self.task
    }
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
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Reply {
        let (head, body) = self.send(request).await.into_parts();
        let body = body.collect().await.unwrap();
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

/// An order in its frame.
pub(crate) fn framed_order(order: &str) -> Vec<u8> {
    framed(&text(order).encode_to_vec())
}

pub(crate) fn post(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(format!("http://x{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body.into()))
        .unwrap()
}
