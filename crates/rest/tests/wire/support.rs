//! A server around a scripted model, and a client that speaks bytes.

use std::io::ErrorKind;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use streeling_core::{Budget, Models};
use streeling_net::{ConnectionLimit, Connections, Drained, Together};
use streeling_rest::seldon::Seldon;
use streeling_rest::{Config, Protocol, Rest};
use streeling_testkit::{Dialer, Harness};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything that a test waits for when all is well. The clock is paused: it goes on
/// only when everybody waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3600);

/// A running server.
pub(crate) struct Server(Harness);

impl Deref for Server {
    type Target = Harness;

    fn deref(&self) -> &Harness {
        &self.0
    }
}

pub(crate) fn config() -> Config {
    Config {
        keepalive: TIMEOUT,
        ..Config::default()
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &Config) -> Self {
        Self::speaking(config, vec![Arc::new(Seldon::default())])
    }

    pub(crate) fn speaking(config: &Config, protocols: Vec<Arc<dyn Protocol>>) -> Self {
        Self(Harness::start(|models, observers, ready| {
            Rest::new(config, protocols, models, observers, ready)
        }))
    }

    /// Has no more memory than that.
    pub(crate) fn within(config: &Config, budget: Budget) -> Self {
        Self(Harness::start(|models, observers, ready| {
            let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon::default())];
            Rest::new(config, protocols, models, observers, ready).with_budget(budget)
        }))
    }

    /// Serves models of the test's own in place of the scripted one.
    pub(crate) fn serving(
        config: &Config,
        protocols: Vec<Arc<dyn Protocol>>,
        models: Models,
    ) -> Self {
        Self(Harness::start(|_, observers, ready| {
            Rest::new(config, protocols, models, observers, ready)
        }))
    }

    /// Counts its connections.
    pub(crate) fn counting(config: &Config) -> (Self, Connections) {
        let limit = ConnectionLimit::default();
        let connections = Connections::new("REST", limit, Together::default());
        let harness = Harness::within(connections.clone(), |models, observers, ready| {
            let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon::default())];
            Rest::new(config, protocols, models, observers, ready)
        });
        (Self(harness), connections)
    }

    /// With no more than so many connections.
    pub(crate) fn with_connections(most: usize) -> Self {
        let limit = ConnectionLimit {
            most,
            ..ConnectionLimit::default()
        };
        let connections = Connections::new("REST", limit, Together::default());
        let harness = Harness::within(connections, |models, observers, ready| {
            let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon::default())];
            Rest::new(&config(), protocols, models, observers, ready)
        });
        Self(harness)
    }

    pub(crate) fn dialer(&self) -> Dialer {
        self.0.dialer.clone()
    }

    pub(crate) fn connect(&self) -> Client {
        Client {
            stream: self.0.connect(),
            read: Vec::new(),
        }
    }

    /// One request on a connection of its own.
    pub(crate) async fn call(&self, request: &str) -> Reply {
        self.connect().call(request).await
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.call(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await
    }

    pub(crate) async fn post(&self, target: &str, body: &str) -> Reply {
        self.call(&post(target, "application/json", body)).await
    }

    /// Predicts on a text, which is a command to the model.
    pub(crate) async fn command(&self, command: &str) -> Reply {
        self.post("/predict", &format!(r#"{{"strData":"{command}"}}"#))
            .await
    }

    /// Stops it, without waiting; requests under way have `grace` to be finished.
    pub(crate) fn stop_within(self, grace: Duration) -> JoinHandle<Drained> {
        self.0.stop_within(grace)
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
    stream: DuplexStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends as much of it as the server takes before it closes the connection.
    pub(crate) async fn send_at_most(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.stream.write_all(bytes.as_ref()).await {
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub(crate) async fn call(&mut self, request: &str) -> Reply {
        self.send(request).await;
        self.receive(!request.starts_with("HEAD ")).await.unwrap()
    }

    /// The next response; `None` when the connection is closed instead.
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
        timeout(TIMEOUT, self.stream.read_buf(&mut self.read))
            .await
            .expect("the server is silent")
            .unwrap_or(0)
    }

    /// What comes until `end`.
    pub(crate) async fn rest(&mut self, end: &[u8]) -> String {
        while !self.read.ends_with(end) {
            assert_ne!(self.more().await, 0, "closed within a body");
        }
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// What comes until the server closes the connection.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Reads some bytes, and says how many.
    pub(crate) async fn some(&mut self, at_most: usize) -> usize {
        let mut piece = vec![0; at_most];
        timeout(TIMEOUT, self.stream.read(&mut piece))
            .await
            .expect("the server is silent")
            .unwrap()
    }

    /// Waits for the server to close the connection, without another response.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.more().await, 0, "{:?}", self.read);
    }
}

/// A response.
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

    /// The `strData` of a good response.
    pub(crate) fn text(&self) -> String {
        let json = self.json();
        assert_eq!(self.status, 200, "{json}");
        json["strData"].as_str().unwrap().to_owned()
    }
}
