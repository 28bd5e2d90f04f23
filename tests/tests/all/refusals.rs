//! Requests that are refused: what a port without workers responds, and what the log says of each.

use std::net::TcpStream;

use streeling_proto::seldon::protos::SeldonMessage;
use streeling_testkit::Request;

use crate::grpc_client::{predict, tensor, values};
use crate::metrics::{scrape, value};
use crate::support::{Gate, command, command_in, eventually, root, send_json};

#[test]
fn without_workers_for_rest_its_port_has_health_alone() {
    let flags = ["--http-port", "0", "--grpc-port", "0"];
    for pool in ["separate", "shared"] {
        let server = command("Scripted")
            .env("GUNICORN_WORKERS", "0")
            .env("FLASK_SINGLE_THREADED", "0")
            .env("GRPC_WORKERS", "1")
            .env("STREELING_WORKER_POOL", pool)
            .args(flags)
            .start_health()
            .unwrap();
        let message = tensor([1, 2], &[1.0, 2.0]);
        let response = predict(server.grpc_address(), message).unwrap();
        assert_eq!(values(&response).1, [1.0, 2.0]);
        // A probe by TCP.
        drop(TcpStream::connect(server.address()).unwrap());
        for path in ["/health/ping", "/health/status"] {
            assert_eq!(
                server.send(&Request::get(path)).unwrap().status,
                200,
                "{path}"
            );
        }
        for request in [
            Request::json("/predict", r#"{"data":{"ndarray":[[1]]}}"#),
            Request::json("/api/v1.0/predictions", "{"),
            Request::get("/metadata"),
            Request::get("/seldon.json"),
            Request::get("/nowhere"),
        ] {
            let (status, body) = send_json(&server, &request);
            assert_eq!(status, 503, "{body}");
            let info = body["status"]["info"].as_str().unwrap();
            assert!(
                info.contains("--workers") && info.contains("gRPC"),
                "{info}"
            );
        }
    }
}

#[test]
fn without_workers_for_rest_a_component_has_no_pages() {
    let folder = root().join("tests/conformance/components");
    let server = command_in(&folder, "ErrorHandlers")
        .env("GUNICORN_WORKERS", "0")
        .env("FLASK_SINGLE_THREADED", "0")
        .env("GRPC_WORKERS", "1")
        .args(["--http-port", "0", "--grpc-port", "0"])
        .start_health()
        .unwrap();
    for path in ["/mine/a", "/nowhere"] {
        let (status, body) = send_json(&server, &Request::get(path));
        assert_eq!(status, 503, "{path}: {body}");
    }
}

#[test]
fn without_workers_for_either_there_is_no_start() {
    let ended = command("Scripted")
        .env("GUNICORN_WORKERS", "0")
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    for name in ["GUNICORN_WORKERS", "GRPC_WORKERS"] {
        assert!(ended.log.contains(name), "{}", ended.log);
    }
}

#[test]
fn the_log_has_a_line_for_each_refused_request() {
    let gate = Gate::closed();
    let server = command("Scripted")
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0", "--log-level", "DEBUG"])
        .args([
            "--worker-pool",
            "shared",
            "--threads",
            "1",
            "--max-queue",
            "1",
        ])
        .start()
        .unwrap();
    let line = |parts: &[&str]| {
        let line = server.wait_for_log(parts[0]);
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
    };
    // What the client did.
    assert_eq!(send_json(&server, &Request::json("/predict", "{")).0, 400);
    line(&["POST /predict refused with 400: ", "DEBUG", "request_id="]);
    assert_eq!(send_json(&server, &Request::get("/nowhere")).0, 404);
    line(&["GET /nowhere refused with 404: no route", "DEBUG"]);
    let empty = predict(server.grpc_address(), SeldonMessage::default());
    assert_eq!(empty.unwrap_err().code(), tonic::Code::InvalidArgument);
    line(&[
        "/seldon.protos.Model/Predict refused with InvalidArgument: ",
        "DEBUG",
    ]);

    // What the server could not do: its one thread is held, and one request waits.
    let sample = |name: &str| value(&scrape(&server), name, &[("pool", "shared")]) as u32;
    std::thread::scope(|scope| {
        let held = scope.spawn(|| send_json(&server, &gate.hold(1)));
        eventually("a held request", || sample("streeling_threads_busy") == 1);
        let waiting = scope.spawn(|| send_json(&server, &gate.hold(2)));
        eventually("a request that waits", || {
            sample("streeling_queue_length") == 1
        });
        assert_eq!(send_json(&server, &gate.hold(3)).0, 503);
        line(&["POST /predict refused with 503: ", "INFO", "request_id="]);
        let full = predict(server.grpc_address(), tensor([1, 1], &[1.0]));
        assert_eq!(full.unwrap_err().code(), tonic::Code::ResourceExhausted);
        line(&[
            "/seldon.protos.Model/Predict refused with ResourceExhausted: ",
            "INFO",
        ]);
        gate.open();
        assert_eq!(held.join().unwrap().0, 200);
        assert_eq!(waiting.join().unwrap().0, 200);
    });
}

#[test]
fn the_log_has_a_line_for_each_late_request() {
    let gate = Gate::closed();
    let server = command("Scripted")
        .env("GRPC_WORKERS", "1")
        .args([
            "--grpc-port",
            "0",
            "--worker-pool",
            "shared",
            "--timeout-ms",
            "300",
        ])
        .start()
        .unwrap();
    assert_eq!(send_json(&server, &gate.hold(1)).0, 504);
    let line = server.wait_for_log("POST /predict refused with 504: no response within 300 ms");
    assert!(line.contains("INFO"), "{line}");
    gate.open();
}
