//! Workers that come and go below busy connections, which must not be disturbed.
//!
//! `STREELING_TEST_CHAOS=full` is the load that the promises in `docs/operations.md` were measured
//! with; the default, a tenth of it, is for every run of the tests.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use streeling_proto::seldon::protos::model_client::ModelClient;
use streeling_testkit::{Request, Server, ServerCommand, Signal};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::grpc_client::{tensor, values};
use crate::metrics::of_pool;
use crate::processes::workers;
use crate::support::{
    Gate, TIMEOUT, command_in, eventually, pid, root, scripted, send_json, worker,
};

/// Connections of each transport.
const CONNECTIONS: usize = 16;

/// How much of everything.
#[expect(
    clippy::disallowed_methods,
    reason = "how hard to test is the caller's matter and not a setting of the server"
)]
static SCALE: LazyLock<u32> = LazyLock::new(|| match std::env::var("STREELING_TEST_CHAOS") {
    Ok(text) if text == "full" => 10,
    _ => 1,
});

const BODY: &str = r#"{"data":{"ndarray":[[1.0,2.0]]}}"#;

/// How the requests ended.
#[derive(Debug, Default)]
struct Tally {
    succeeded: AtomicUsize,
    /// 503 or UNAVAILABLE, with a complete body or message.
    unavailable: AtomicUsize,
    /// Anything else, with its text.
    broken: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Tally {
    fn broke(&self, what: impl Into<String>) {
        self.broken.lock().unwrap().push(what.into());
    }

    fn going_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn succeeded(&self) -> usize {
        self.succeeded.load(Ordering::Relaxed)
    }

    fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::Relaxed)
    }
}

/// Clients that send requests without a pause, each on a connection that it keeps.
struct Load {
    runtime: Runtime,
    tasks: JoinSet<()>,
    tally: Arc<Tally>,
}

impl Load {
    fn on(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        let (rest, grpc) = (server.address(), server.grpc_address());
        for _ in 0..CONNECTIONS {
            tasks.spawn_on(call_rest(rest, Arc::clone(&tally)), runtime.handle());
            tasks.spawn_on(call_grpc(grpc, Arc::clone(&tally)), runtime.handle());
        }
        Self {
            runtime,
            tasks,
            tally,
        }
    }

    /// Goes on until `enough` requests have succeeded.
    fn until(&self, enough: usize) {
        let since = Instant::now();
        while self.tally.succeeded() < enough {
            assert!(since.elapsed() < TIMEOUT * 10, "{:?}", self.tally);
            sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) -> Arc<Tally> {
        self.tally.stop.store(true, Ordering::Relaxed);
        self.wait();
        self.tally
    }

    /// Waits until every client has ended by itself.
    fn wait(&mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        self.runtime
            .block_on(async { tokio::time::timeout(TIMEOUT, all).await })
            .expect("a client hangs");
    }
}

async fn connect(server: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(server).await.ok()?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// Sends requests over one connection, and over another when a response closes it.
async fn call_rest(server: SocketAddr, tally: Arc<Tally>) {
    while tally.going_on() {
        // A server that has ended takes no connections; no request is lost.
        let Some(mut sender) = connect(server).await else {
            return;
        };
        while tally.going_on() {
            // Closed between two requests: nothing was lost.
            if sender.ready().await.is_err() {
                break;
            }
            let request = hyper::Request::post("/predict")
                .header("host", "x")
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(BODY.as_bytes())))
                .unwrap();
            let response = match sender.send_request(request).await {
                Ok(response) => response,
                Err(error) => return tally.broke(format!("REST: {error:?}")),
            };
            let (head, body) = response.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => return tally.broke(format!("REST body: {error:?}")),
            };
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            match head.status.as_u16() {
                200 if json["data"]["ndarray"] == json!([[3.0]]) => {
                    tally.succeeded.fetch_add(1, Ordering::Relaxed);
                }
                503 if json["status"]["reason"].is_string() => {
                    tally.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                status => tally.broke(format!("REST: {status} {json}")),
            }
            if head
                .headers
                .get("connection")
                .is_some_and(|value| value == "close")
            {
                break;
            }
        }
    }
}

async fn call_grpc(server: SocketAddr, tally: Arc<Tally>) {
    let endpoint = Endpoint::from_shared(format!("http://{server}")).unwrap();
    let Ok(channel) = endpoint.connect().await else {
        return tally.broke("gRPC: no connection");
    };
    let mut client: ModelClient<Channel> = ModelClient::new(channel);
    while tally.going_on() {
        match client.predict(tensor([1, 2], &[1.0, 2.0])).await {
            Ok(response) if values(response.get_ref()) == (&[1, 1], &[3.0]) => {
                tally.succeeded.fetch_add(1, Ordering::Relaxed);
            }
            Ok(response) => tally.broke(format!("gRPC: {response:?}")),
            // The client's own text for a port that is closed.
            Err(status) if status.message().contains("tcp connect error") => return,
            Err(status) if status.code() == Code::Unavailable && !status.details().is_empty() => {
                tally.unavailable.fetch_add(1, Ordering::Relaxed);
            }
            // The next call is the retry that gRPC demands of its clients here.
            Err(status) if was_left_alone(&status) => {}
            Err(status) => tally.broke(format!("gRPC: {status:?}")),
        }
    }
}

/// Whether this request never got to the component, as gRPC's own clients find out before they send
/// it again by themselves; tonic's leaves that to its caller. Either the server said, before it
/// closed the connection, that it never looked at it (RFC 9113, 6.8): the client's h2 may send a
/// request behind its reply to the server's last ping, and the server cannot wait for one that it
/// does not know of. Or it never left the client: it was in hyper's queue when word came that the
/// connection takes no more.
fn was_left_alone(status: &Status) -> bool {
    let mut cause: Option<&dyn Error> = Some(status);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_canceled()
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            // h2 gives it only to streams above the last one that the server names.
            return error.is_go_away()
                && error.is_remote()
                && error.reason() == Some(h2::Reason::NO_ERROR);
        }
        cause = error.source();
    }
    false
}

fn steady(folder: &Path) -> ServerCommand {
    command_in(folder, "Steady").env("GRPC_WORKERS", "2").args([
        "--grpc-port",
        "0",
        "--workers",
        "2",
        "--threads",
        "2",
    ])
}

fn components() -> std::path::PathBuf {
    root().join("tests/components")
}

/// Descriptors that a process holds.
fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Kilobytes that a process holds in memory.
fn memory(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn nothing_failed(tally: &Tally) {
    assert_eq!(*tally.broken.lock().unwrap(), [""; 0]);
    assert_eq!(tally.unavailable(), 0);
}

#[test]
fn recycled_workers_lose_no_request() {
    let (recycles, each) = (20 * *SCALE as usize, 500);
    let server = steady(&components())
        .args([
            "--max-requests",
            &each.to_string(),
            "--max-requests-jitter",
            "50",
        ])
        .start()
        .unwrap();
    let load = Load::on(&server);
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    let since = Instant::now();
    while seen.len() < recycles + 4 {
        assert!(since.elapsed() < TIMEOUT * 10, "{} workers", seen.len());
        seen.extend(workers(server.pid()));
        sleep(Duration::from_millis(5));
    }
    load.until(recycles * each);
    nothing_failed(&load.end());
}

#[test]
fn reloads_lose_no_request_and_broken_code_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(components().join("Steady.py")).unwrap();
    let code = folder.path().join("Steady.py");
    fs::write(&code, &good).unwrap();
    let server = steady(folder.path()).start().unwrap();
    let load = Load::on(&server);
    let reloads = 2 * *SCALE;
    for reload in 0..reloads {
        let before = workers(server.pid());
        let broken = reload == reloads / 2;
        if broken {
            fs::write(&code, "raise RuntimeError('broken on purpose')\n").unwrap();
        }
        server.signal(Signal::HUP).unwrap();
        if broken {
            let line = server.wait_for_log("not reloaded");
            assert!(line.contains("the old workers keep serving"), "{line}");
            server.wait_for_log("broken on purpose");
            // The one that failed may still be ending.
            eventually("the old workers alone", || workers(server.pid()) == before);
            fs::write(&code, &good).unwrap();
        } else {
            eventually("new workers", || {
                let after = workers(server.pid());
                after.len() == before.len() && after.is_disjoint(&before)
            });
        }
    }
    load.until(10_000 * *SCALE as usize);
    nothing_failed(&load.end());
}

#[test]
fn killed_workers_break_no_connection() {
    let server = steady(&components()).start().unwrap();
    let pid = server.pid();
    let load = Load::on(&server);
    load.until(2000);
    let (files, held) = (descriptors(pid), memory(pid));
    let kills = 10 * *SCALE as usize;
    for turn in 0..kills {
        eventually("all workers", || workers(pid).len() == 4);
        let before = load.tally.succeeded();
        load.until(before + 100);
        let victim = workers(pid).into_iter().nth(turn % 4).unwrap();
        let raw = rustix::process::Pid::from_raw(i32::try_from(victim).unwrap()).unwrap();
        rustix::process::kill_process(raw, Signal::KILL).unwrap();
        eventually("its end", || !workers(pid).contains(&victim));
    }
    eventually("all workers again", || workers(pid).len() == 4);
    let before = load.tally.succeeded();
    load.until(before + 2000);
    eventually("as many descriptors as before", || {
        descriptors(pid) <= files + 2
    });
    assert!(
        memory(pid) < held + 32 * 1024,
        "{} kB, were {held}",
        memory(pid)
    );
    let tally = load.end();
    assert_eq!(*tally.broken.lock().unwrap(), [""; 0]);
    // Lost were those in the worker: at most as many as the connections can have in flight.
    assert!(tally.unavailable() <= kills * CONNECTIONS, "{tally:?}");
}

#[test]
fn end_in_the_middle_loses_no_request() {
    for _ in 0..*SCALE {
        let mut server = steady(&components()).start().unwrap();
        let mut load = Load::on(&server);
        load.until(10_000);
        server.signal(Signal::TERM).unwrap();
        // Every client finds the port closed and ends; none of them was stopped.
        load.wait();
        assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
        nothing_failed(&load.tally);
    }
}

#[test]
fn hung_worker_costs_its_share_and_no_more() {
    let server = scripted(&["--workers", "4", "--threads", "1"]);
    let (hung, others) = (Gate::closed(), Gate::closed());
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| send_json(&server, &hung.hold(0)));
        server.wait_for_log("held with 0");
        // The other three take a request each, and a fourth waits for one of them.
        let calls: Vec<_> = (1..=4)
            .map(|number| {
                let (server, request) = (&server, others.hold(number));
                let call = scope.spawn(move || send_json(server, &request));
                if number < 4 {
                    server.wait_for_log(&format!("held with {number}"));
                } else {
                    eventually("a request in the queue", || {
                        of_pool(server, "queue_length", None) == 1.0
                    });
                }
                call
            })
            .collect();
        assert_eq!(of_pool(&server, "threads_busy", None), 4.0);
        others.open();
        let mut served = BTreeSet::new();
        for call in calls {
            let (status, body) = call.join().unwrap();
            assert_eq!(status, 200, "{body}");
            served.insert(pid(&body["jsonData"]));
        }
        assert_eq!(served.len(), 3);
        // Requests that come while one worker hangs never wait for it.
        for _ in 0..200 {
            assert!(served.contains(&worker(&server)));
        }
        hung.open();
        let (_, body) = stuck.join().unwrap();
        assert!(!served.contains(&pid(&body["jsonData"])));
    });
}

#[test]
fn hung_worker_is_replaced() {
    let server = command_in(&components(), "Steady")
        .args(["--workers", "4", "--threads", "1", "--timeout-ms", "1000"])
        .start()
        .unwrap();
    let before = workers(server.pid());
    let hang = Request::json("/predict", r#"{"data":{"ndarray":[[-1.0]]}}"#.to_owned());
    assert_eq!(server.send(&hang).unwrap().status, 504);
    eventually("another worker in its slot", || {
        let after = workers(server.pid());
        after.len() == 4 && after.intersection(&before).count() == 3
    });
}

/// How many requests of 5 ms 16 clients complete in three seconds.
fn throughput(server: &Server) -> usize {
    let slow = Request::json("/predict", r#"{"data":{"ndarray":[[0.5]]}}"#.to_owned());
    let count = AtomicUsize::new(0);
    let since = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while since.elapsed() < Duration::from_secs(3) {
                    assert_eq!(server.send(&slow).unwrap().status, 200);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    count.into_inner()
}

#[test]
#[ignore = "acceptance: it measures time, on a quiet machine"]
fn hung_worker_leaves_the_throughput_of_the_others() {
    let server = command_in(&components(), "Steady")
        .args(["--workers", "4", "--threads", "1", "--timeout-ms", "4000"])
        .start()
        .unwrap();
    throughput(&server);
    let all = throughput(&server);
    let hang = Request::json("/predict", r#"{"data":{"ndarray":[[-1.0]]}}"#.to_owned());
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| server.send(&hang).unwrap().status);
        sleep(Duration::from_millis(100));
        let others = throughput(&server);
        eprintln!("{all} responses with four workers, {others} while one of them hangs");
        assert!(others * 10 >= all * 7, "{others} of {all}");
        assert_eq!(stuck.join().unwrap(), 504);
    });
}
