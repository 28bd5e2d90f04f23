//! A server around a component that does as it is told, and a client that speaks bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use streeling_core::{Observer, Unit, UnitConfig};
use streeling_rest::{Config, Drained, bind};
use streeling_testkit::{Scripted, Recorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything that a test waits for when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

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
        keepalive: PATIENCE,
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

    pub(crate) async fn connect(&self) -> Client {
        Client {
            stream: TcpStream::connect(self.address).await.unwrap(),
            read: Vec::new(),
        }
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Reply {
        self.connect().await.ask(request).await
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.ask(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await
    }

    pub(crate) async fn post(&self, target: &str, body: &str) -> Reply {
        self.ask(&post(target, "application/json", body)).await
    }

    /// Predicts on a text, which is an order to the component.
    pub(crate) async fn order(&self, order: &str) -> Reply {
        self.post("/predict", &format!(r#"{{"strData":"{order}"}}"#))
            .await
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn stop(self) -> JoinHandle<Drained> {
        self.stop_within(PATIENCE)
    }

    /// The same, with a grace for what is under way.
    pub(crate) fn stop_within(self, grace: Duration) -> JoinHandle<Drained> {
        self.shutdown.send(grace).unwrap();
        self.task
    }
}

pub(crate) fn post(target: &str, content_type: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Reply {
        self.send(request).await;
        self.receive(!request.starts_with("HEAD ")).await.unwrap()
    }

    /// The next answer; `None` when the connection is closed instead.
    pub(crate) async fn receive(&mut self, with_body: bool) -> Option<Reply> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "closed within a head");
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut reply = Reply {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        };
        let bodiless = !with_body || reply.status == 204 || reply.status == 304;
        let length = reply.header("content-length").unwrap_or("0");
        let length = if bodiless { 0 } else { length.parse().unwrap() };
        while self.read.len() < length {
            assert_ne!(self.more().await, 0, "closed within a body");
        }
        reply.body = self.read.drain(..length).collect();
        Some(reply)
    }

    async fn more(&mut self) -> usize {
        timeout(PATIENCE, self.stream.read_buf(&mut self.read))
            .await
            .expect("the server is silent")
            .unwrap_or(0)
    }

    /// Waits for the server to close the connection, without another answer.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.more().await, 0, "{:?}", self.read);
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The `info` of an error of this status, after checking the rest of its form.
    pub(crate) fn failure(&self, status: u16, reason: &str) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(self.header("access-control-allow-origin"), Some("*"));
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        let body = json["status"].as_object().unwrap();
        assert_eq!(body.len(), 4, "{json}");
        assert_eq!(body["status"], 1);
        assert_eq!(body["code"], -1);
        assert_eq!(body["reason"], reason);
        body["info"].as_str().unwrap().to_owned()
    }

    /// The `strData` of a good answer.
    pub(crate) fn text(&self) -> String {
        let json = self.json();
        assert_eq!(self.status, 200, "{json}");
        json["strData"].as_str().unwrap().to_owned()
    }
}
