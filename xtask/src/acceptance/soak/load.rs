//! Clients of both transports that keep their connections and notice what is lost.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data, model_client::ModelClient, seldon_message,
};
use streeling_testkit::{Client, Request};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Clients of each transport; each has one request at a time.
const EACH: usize = 4;

/// Between a response and the next request of a client.
const PAUSE: Duration = Duration::from_millis(10);

/// Longer than a response takes, however busy the machine is.
const TIMEOUT: Duration = Duration::from_secs(60);

const BODY: &str = r#"{"data":{"ndarray":[[1.0,2.0]]}}"#;
const SUM: f64 = 3.0;

/// How the requests ended.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) succeeded: usize,
    /// A complete error response that says that the worker has gone.
    pub(super) unavailable: usize,
    /// Anything else.
    pub(super) lost: Vec<String>,
}

/// Running clients.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    clients: Vec<JoinHandle<()>>,
}

/// One request's end, or the reason why it counts as lost.
type Outcome = Result<Ended, String>;

enum Ended {
    Succeeded,
    Unavailable,
}

impl Load {
    /// Starts the clients.
    pub(super) fn start(rest: SocketAddr, grpc: SocketAddr) -> anyhow::Result<Self> {
        let mut load = Self {
            stop: Arc::default(),
            tally: Arc::default(),
            clients: Vec::new(),
        };
        for _ in 0..EACH {
            let mut client = Client::new(rest, TIMEOUT);
            load.spawn(move || over_rest(&mut client));
            let mut client = Grpc::connect(grpc)?;
            load.spawn(move || client.call());
        }
        Ok(load)
    }

    /// What has happened so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether every client still sends requests.
    pub(super) fn is_complete(&self) -> bool {
        !self.clients.iter().any(JoinHandle::is_finished)
    }

    /// Waits for the last responses.
    pub(super) fn end(self) -> anyhow::Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let tally = Arc::clone(&self.tally);
        for client in self.clients {
            if client.join().is_err() {
                bail!("a client panicked");
            }
        }
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tally.clone())
    }

    fn spawn(&mut self, mut call: impl FnMut() -> Outcome + Send + 'static) {
        let (stop, tally) = (Arc::clone(&self.stop), Arc::clone(&self.tally));
        self.clients.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let outcome = call();
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                match outcome {
                    Ok(Ended::Succeeded) => tally.succeeded += 1,
                    Ok(Ended::Unavailable) => tally.unavailable += 1,
                    Err(reason) => tally.lost.push(reason),
                }
                drop(tally);
                std::thread::sleep(PAUSE);
            }
        }));
    }
}

fn over_rest(client: &mut Client) -> Outcome {
    let response = client
        .send(&Request::json("/predict", BODY))
        .map_err(|error| format!("REST: {error}"))?;
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    match response.status {
        200 if json["data"]["ndarray"][0][0] == SUM => Ok(Ended::Succeeded),
        503 if json["status"]["reason"].is_string() => Ok(Ended::Unavailable),
        status => Err(format!("REST: {status} {text}")),
    }
}

struct Grpc {
    runtime: tokio::runtime::Runtime,
    client: ModelClient<Channel>,
}

impl Grpc {
    fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let channel = runtime
            .block_on(async {
                Endpoint::from_shared(format!("http://{server}"))?
                    .connect()
                    .await
            })
            .context("no gRPC connection")?;
        let client = ModelClient::new(channel);
        Ok(Self { runtime, client })
    }

    fn call(&mut self) -> Outcome {
        let client = &mut self.client;
        let call = async { tokio::time::timeout(TIMEOUT, client.predict(message())).await };
        match self.runtime.block_on(call) {
            Err(_) => Err("gRPC: no response in time".to_owned()),
            Ok(Ok(response)) if sum(response.get_ref()) == Some(SUM) => Ok(Ended::Succeeded),
            Ok(Ok(response)) => Err(format!("gRPC: {response:?}")),
            Ok(Err(status)) if is_unavailable(&status) => Ok(Ended::Unavailable),
            Ok(Err(status)) => Err(format!("gRPC: {status:?}")),
        }
    }
}

/// The server's own status has details; that of a broken connection, which is the client's, has
/// none.
fn is_unavailable(status: &Status) -> bool {
    status.code() == Code::Unavailable && !status.details().is_empty()
}

fn message() -> SeldonMessage {
    let tensor = Tensor {
        shape: vec![1, 2],
        values: vec![1.0, 2.0],
    };
    SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::Data(DefaultData {
            names: Vec::new(),
            data_oneof: Some(default_data::DataOneof::Tensor(tensor)),
        })),
        ..SeldonMessage::default()
    }
}

fn sum(message: &SeldonMessage) -> Option<f64> {
    let Some(seldon_message::DataOneof::Data(data)) = &message.data_oneof else {
        return None;
    };
    let Some(default_data::DataOneof::Tensor(tensor)) = &data.data_oneof else {
        return None;
    };
    tensor.values.first().copied()
}
