//! What is inside a server: `/debug/requests`, and what SIGUSR1 logs.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use streeling_proto::seldon::protos::model_client::ModelClient;
use streeling_testkit::{Request, Server, ServerCommand, Signal};
use tokio::task::JoinSet;

use crate::grpc_client::{connected, predict_with, tensor, text};
use crate::processes::workers;
use crate::support::{
    Gate, SERVER, TIMEOUT, command, command_in, eventually, runs, scripted, step,
};

const PAGE: &str = "/debug/requests";

fn look(metrics: SocketAddr) -> Value {
    let response = Request::get(PAGE).send(metrics, TIMEOUT).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(response.headers["cache-control"], "no-store");
    let body = String::from_utf8(response.body).unwrap();
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn named(id: &str, mut request: Request) -> Request {
    let header = ("x-request-id".to_owned(), id.to_owned());
    request.headers.push(header);
    request
}

/// The request of this id, if it is there.
fn find<'a>(all: &'a Value, id: &str) -> Option<&'a Value> {
    let mut requests = all["requests"].as_array().unwrap().iter();
    requests.find(|one| one["id"] == id)
}

fn only_worker(server: &Server) -> u32 {
    let workers = workers(server.pid());
    assert_eq!(workers.len(), 1, "{workers:?}");
    workers.into_iter().next().unwrap()
}

/// A request, once it is in this stage.
fn in_stage(metrics: SocketAddr, id: &str, stage: &str) -> Value {
    let mut seen = Value::Null;
    eventually(&format!("{id} in the stage {stage}"), || {
        seen = find(&look(metrics), id).cloned().unwrap_or_default();
        seen["stage"] == stage
    });
    seen
}

/// A server with one worker of one thread behind both ports.
fn one_thread(flags: &[&str]) -> Server {
    command("Scripted")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .args(["--worker-pool", "shared", "--threads", "1"])
        .args(["--grpc-threads", "1"])
        .args(flags)
        .start()
        .unwrap()
}

fn array() -> Request {
    Request::json("/predict", r#"{"data":{"ndarray":[[1,2]]}}"#.to_owned())
}

/// The head of a request, and a part of its body.
fn half_a_request(server: SocketAddr, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"data\""
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn requests_are_listed_with_where_they_are_until_they_end() {
    let server = one_thread(&["--debug-endpoints"]);
    let (metrics, grpc) = (server.metrics_address(), server.grpc_address());
    let idle = look(metrics);
    assert_eq!(
        (&idle["state"], &idle["count"]),
        (&json!("ready"), &json!(0))
    );
    assert_eq!(idle["workers"][0]["state"], "idle");
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let rest = |id: &'static str, request: Request| {
            let server = &server;
            scope.spawn(move || server.send(&named(id, request)).unwrap().status)
        };
        let first = rest("first", gate.hold(1));
        server.wait_for_log("held with 1");
        let second = rest("second", array());
        in_stage(metrics, "second", "queue");
        let third = scope.spawn(move || {
            let message = tensor([2, 1], &[1.0, 2.0]);
            predict_with(grpc, message, &[("x-request-id", "third")])
        });
        in_stage(metrics, "third", "queue");
        let half = half_a_request(server.address(), "half");
        let half_seen = in_stage(metrics, "half", "receive");

        let all = look(metrics);
        assert_eq!(all["count"], 4, "{all}");
        assert_eq!(
            all["requests"][0]["id"], "first",
            "the oldest is the first: {all}"
        );
        assert_eq!(all["requests"][3]["id"], "half", "{all}");
        let of = |id| find(&all, id).unwrap();
        let running = of("first");
        assert_eq!(running["stage"], "component");
        assert_eq!(
            (&running["worker"], &running["thread"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(
            (&running["method"], &running["shape"]),
            (&json!("predict"), &json!("JSON"))
        );
        assert_eq!(running["abandoned"], false);
        assert!(running["bytes"].as_u64().unwrap() > 30, "{running}");
        assert!(running["age_seconds"].as_f64() > half_seen["age_seconds"].as_f64());
        assert_eq!(of("second")["shape"], "(1, 2)");
        assert_eq!(of("third")["shape"], "(2, 1)");
        let transports = ["first", "second", "third", "half"].map(|id| of(id)["transport"].clone());
        assert_eq!(transports, ["rest", "rest", "grpc", "rest"]);
        assert_eq!(of("half")["shape"], Value::Null);

        let worker = &all["workers"][0];
        assert_eq!(
            (&worker["state"], &worker["pool"]),
            (&json!("busy"), &json!("shared"))
        );
        assert_eq!(worker["running"], json!(["first"]));
        assert_eq!(worker["pid"], only_worker(&server));
        assert!(
            worker["resident_bytes"].as_u64().unwrap() > 1 << 20,
            "{worker}"
        );
        assert!(
            worker["age_seconds"].as_f64() > running["age_seconds"].as_f64(),
            "{all}"
        );
        assert_eq!(all["workers"].as_array().unwrap().len(), 1);

        drop(half);
        eventually("the end of the client that left", || {
            find(&look(metrics), "half").is_none()
        });
        gate.open();
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (200, 200));
        third.join().unwrap().unwrap();
    });
    eventually("the end of all", || look(metrics)["count"] == 0);
    assert_eq!(look(metrics)["requests"], json!([]));
}

#[test]
fn a_call_that_goes_on_after_its_deadline_is_there_without_its_caller() {
    let flags = [
        "--threads",
        "2",
        "--debug-endpoints",
        "--timeout-ms",
        "1000",
    ];
    let server = scripted(&flags);
    let gate = Gate::closed();
    assert_eq!(
        server.send(&named("late", gate.hold(1))).unwrap().status,
        504
    );
    let late = in_stage(server.metrics_address(), "late", "component");
    assert_eq!(late["abandoned"], true, "{late}");
    assert!(late["age_seconds"].as_f64().unwrap() >= 1.0, "{late}");
    gate.open();
    eventually("the end of the call", || {
        find(&look(server.metrics_address()), "late").is_none()
    });
}

#[test]
fn without_the_setting_there_is_no_such_page_and_the_signal_works() {
    let server = one_thread(&[]);
    let status = |path: &str| {
        let get = Request::get(path);
        get.send(server.metrics_address(), TIMEOUT).unwrap().status
    };
    assert_eq!((status(PAGE), status("/debug/other")), (404, 404));
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.send(&named("first", gate.hold(1))).unwrap().status);
        server.wait_for_log("held with 1");
        let half = half_a_request(server.address(), "half");
        eventually("a request that is being received", || {
            server.signal(Signal::USR1).unwrap();
            let seen = server.log();
            seen.iter()
                .any(|line| line.contains("a request is being received"))
        });
        let line = server.wait_for_log("a request is in the component");
        for part in ["first", "rest", "predict", "JSON"] {
            assert!(line.contains(part), "no {part} in {line}");
        }
        let line = server.wait_for_log("a request is being received");
        assert!(line.contains("half"), "{line}");
        let line = server.wait_for_log("a worker is busy");
        assert!(line.contains("first"), "{line}");
        // The stacks of all threads: that of the call, and that which waits for orders.
        server.wait_for_log("the worker's stacks:");
        server.wait_for_log("in hold");
        server.wait_for_log("most recent call first");
        drop(half);
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
    });
}

/// Native code that holds the interpreter lock keeps the worker from writing them itself.
#[test]
fn the_signal_has_the_stacks_of_a_worker_that_is_frozen() {
    let server = scripted(&["--threads", "1", "--log-format", "json"]);
    let frozen = named("frozen", step("freeze", &json!({})));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&frozen));
        let stacks = "SIGUSR1: the worker's stacks:";
        eventually("a worker that is frozen", || {
            server.signal(Signal::USR1).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            let log = server.log();
            let mut seen = log.iter().filter(|line| line.contains(stacks));
            seen.any(|line| line.contains("in freeze"))
        });
        server.signal(Signal::KILL).unwrap();
        assert!(call.join().unwrap().is_err());
    });
}

const SLOW: &str = "
import os, time
class Slow:
    def load(self):
        print('load() is called', flush=True)
        while not os.path.exists('go'):
            time.sleep(0.01)
    def predict(self, X, names):
        return X
";

#[test]
fn the_signal_ends_no_server_that_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Slow.py"), SLOW).unwrap();
    let command = command_in(folder.path(), "Slow").args(["--debug-endpoints"]);
    let server = command.start_loading().unwrap();
    for _ in 0..3 {
        server.signal(Signal::USR1).unwrap();
    }
    let line = server.wait_for_log("SIGUSR1: the component is not loaded yet");
    assert!(line.contains("0 requests are inside"), "{line}");
    let seen = look(server.metrics_address());
    assert_eq!(seen["state"], "the component is not loaded yet");
    assert_eq!(seen["workers"], json!([]));
    fs::write(folder.path().join("go"), "").unwrap();
    eventually("the end of the load", || {
        look(server.metrics_address())["state"] == "ready"
    });
    assert_eq!(
        look(server.metrics_address())["workers"][0]["state"],
        "idle"
    );
}

#[test]
fn the_signal_ends_no_drain() {
    let mut server = scripted(&["--graceful-timeout", "86400", "--debug-endpoints"]);
    let worker = only_worker(&server);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&named("last", gate.hold(7))).unwrap().status);
        server.wait_for_log("held with 7");
        server.signal(Signal::TERM).unwrap();
        server.wait_for_log("SIGTERM: stopping");
        eventually("the drain", || {
            look(server.metrics_address())["state"] == "the server is stopping"
        });
        server.signal(Signal::USR1).unwrap();
        server.wait_for_log("SIGUSR1: the server is stopping; 1 requests are inside");
        server.wait_for_log("in hold");
        assert!(find(&look(server.metrics_address()), "last").is_some());
        gate.open();
        assert_eq!(call.join().unwrap(), 200);
    });
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    assert!(!runs(worker));
}

#[test]
fn two_thousand_queued_requests_are_counted_and_a_part_of_them_shown() {
    const EACH: usize = 1000;
    let server = one_thread(&["--debug-endpoints", "--max-queue", "5000"]);
    let (metrics, grpc) = (server.metrics_address(), server.grpc_address());
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.send(&named("first", gate.hold(1))).unwrap().status);
        server.wait_for_log("held with 1");
        let many = [0; 2].map(|_| {
            scope.spawn(move || {
                connected(grpc, async |channel| {
                    let mut calls = JoinSet::new();
                    for _ in 0..EACH {
                        let mut model = ModelClient::new(channel.clone());
                        calls.spawn(async move { model.predict(text("x")).await });
                    }
                    let mut last = None;
                    while let Some(response) = calls.join_next().await {
                        last = Some(response.unwrap()?);
                    }
                    Ok(last.unwrap())
                })
            })
        });
        eventually("all of them", || look(metrics)["count"] == 2 * EACH + 1);
        let response = Request::get(PAGE).send(metrics, TIMEOUT).unwrap();
        assert!(response.body.len() < 512 * 1024, "{}", response.body.len());
        let all: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(all["requests"].as_array().unwrap().len(), 1000);
        assert_eq!(all["requests"][0]["id"], "first");
        assert!(
            all["queued"].as_u64().unwrap() > EACH as u64,
            "{}",
            all["queued"]
        );
        server.signal(Signal::USR1).unwrap();
        server.wait_for_log(&format!("{} requests are inside", 2 * EACH + 1));
        server.wait_for_log("SIGUSR1: 1901 younger requests are left out");
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
        for calls in many {
            calls.join().unwrap().unwrap();
        }
    });
    eventually("the end of all", || look(metrics)["count"] == 0);
}

#[test]
fn a_component_in_rust_has_no_workers_and_its_requests_are_there() {
    let server = ServerCommand::new(&*SERVER, std::env::temp_dir())
        .env("PATH", "")
        .args(["rust:echo", "--http-port", "0", "--metrics-port", "0"])
        .args(["--grpc-workers", "0", "--debug-endpoints"])
        .start()
        .unwrap();
    let metrics = server.metrics_address();
    let half = half_a_request(server.address(), "half");
    in_stage(metrics, "half", "receive");
    let all = look(metrics);
    assert_eq!((&all["count"], &all["workers"]), (&json!(1), &json!([])));
    server.signal(Signal::USR1).unwrap();
    let line = server.wait_for_log("SIGUSR1: a request is being received");
    assert!(line.contains("half"), "{line}");
    drop(half);
    eventually("its end", || look(metrics)["count"] == 0);
}
