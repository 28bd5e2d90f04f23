//! Limits: of requests, bytes, time, depth.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use streeling_testkit::{Request, Server};

use crate::grpc_client::{predict, text as grpc_text};
use crate::metrics::{of_pool, scrape, value};
use crate::support::{
    Gate, TIMEOUT, command_in, eventually, perform, scripted, send_json, step, worker,
};

#[test]
fn full_queue_turns_away() {
    let server = scripted(&["--threads", "1", "--max-queue", "1"]);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.send(&gate.hold(1)).unwrap().status);
        server.wait_for_log("held with 1");
        let second = scope.spawn(|| server.send(&gate.hold(2)).unwrap().status);
        eventually("a request in the queue", || {
            of_pool(&server, "queue_length", None) == 1.0
        });
        for number in 3..6 {
            let third = gate.hold(number);
            let refused = server.send(&third).unwrap();
            assert_eq!(
                (refused.status, &*refused.headers["retry-after"]),
                (503, "1")
            );
            let (_, body) = send_json(&server, &third);
            assert_eq!(body["status"]["reason"], "MICROSERVICE_QUEUE_FULL");
            let info = body["status"]["info"].as_str().unwrap();
            assert!(info.contains("--max-queue"), "{info}");
        }
        assert_eq!(refused(&server, "queue", "rest"), 6.0);
        gate.open();
        assert_eq!([first, second].map(|call| call.join().unwrap()), [200; 2]);
    });
    assert_eq!(
        perform(&server, "sleep", &json!({"seconds": 0, "number": 3}))["number"],
        3
    );
}

#[test]
fn deadline_is_kept() {
    let server = scripted(&["--timeout-ms", "300"]);
    // It is over long before the call, on any machine.
    let (status, error) = send_json(&server, &Gate::closed().hold(1));
    assert_eq!(status, 504, "{error}");
    assert!(
        error["status"]["info"].as_str().unwrap().contains("300 ms"),
        "{error}"
    );
    // A machine may take 300 ms for anything.
    eventually("a response in time", || {
        send_json(&server, &step("pid", &json!({}))).0 == 200
    });
}

#[test]
fn body_too_large_is_refused() {
    let server = scripted(&["--max-body-size", "1KiB"]);
    let body = |size: usize| json!({"strData": "x".repeat(size)}).to_string();
    let (status, error) = send_json(&server, &Request::json("/predict", body(2000)));
    assert_eq!(status, 413, "{error}");
    let (status, response) = send_json(&server, &Request::json("/predict", body(500)));
    assert_eq!(
        (status, response["strData"].as_str().map(str::len)),
        (200, Some(500))
    );
}

#[test]
fn a_thousand_nested_lists_are_refused() {
    let server = scripted(&[]);
    let pid = worker(&server);
    let nested = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    for body in [
        format!(r#"{{"data":{{"ndarray":{nested}}}}}"#),
        format!(r#"{{"jsonData":{nested}}}"#),
        format!(r#"{{"strData":"a","meta":{{"tags":{{"a":{nested}}}}}}}"#),
        nested.clone(),
    ] {
        let (status, error) = send_json(&server, &Request::json("/predict", body));
        assert_eq!(status, 400, "{error}");
        assert!(error["status"]["info"].is_string());
    }
    assert_eq!(worker(&server), pid);
}

/// How many requests a limit has refused.
pub(crate) fn refused(server: &Server, limit: &str, transport: &str) -> f64 {
    let labels = [("limit", limit), ("transport", transport)];
    value(&scrape(server), "streeling_limit_refusals_total", &labels)
}

/// Returns texts of as many bytes as it is sent, and takes its time.
const MODEL: &str = "import time\nclass Model:\n    def predict(self, X, names):\n        \
                     if X == 'slow':\n            time.sleep(1)\n        \
                     return 'x' * int(X) if str(X).isdigit() else X\n";

#[test]
fn what_a_limit_refuses_names_its_setting_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Model.py"), MODEL).unwrap();
    let flags = [
        "--max-body-size=20000",
        "--max-parts=2",
        "--max-json-depth=6",
        "--max-decoded-size=1MiB",
        "--timeout-ms=500",
        "--grpc-port=0",
    ];
    let command = command_in(folder.path(), "Model").env("GRPC_WORKERS", "1");
    let server = command.args(flags).start().unwrap();
    let text = |text: &str| Request::json("/predict", json!({"strData": text}).to_string());
    let form = "application/x-www-form-urlencoded".to_owned();
    let mut texts = vec!["x"; 999];
    let long = "x".repeat(1000);
    texts.push(&long);
    let texts = json!({"data": {"ndarray": texts}}).to_string();
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        let body = format!(r#"{{"jsonData":{open}{close}}}"#);
        send_json(&server, &Request::json("/predict", body))
    };
    assert_eq!(deep(5).0, 200);
    let parts = Request {
        headers: vec![("content-type".to_owned(), form)],
        ..Request::json("/predict", "a=1&b=2&json={}")
    };
    for (limit, response, status, setting) in [
        (
            "body",
            send_json(&server, &text(&"x".repeat(20_000))),
            413,
            "--max-body-size",
        ),
        (
            "response",
            send_json(&server, &text("20001")),
            413,
            "--max-body-size",
        ),
        ("parts", send_json(&server, &parts), 413, "--max-parts"),
        ("json_depth", deep(6), 400, "--max-json-depth"),
        (
            "decoded",
            send_json(&server, &Request::json("/predict", texts)),
            400,
            "--max-decoded-size",
        ),
        ("time", send_json(&server, &text("slow")), 504, "500 ms"),
    ] {
        let (found, error) = response;
        assert_eq!(found, status, "{limit}: {error}");
        let info = error["status"]["info"].as_str().unwrap();
        assert!(info.contains(setting), "{limit}: {info}");
        assert_eq!(refused(&server, limit, "rest"), 1.0, "{limit}");
    }
    let large = predict(server.grpc_address(), grpc_text(&"x".repeat(20_000))).unwrap_err();
    assert!(large.message().contains("--max-body-size"), "{large}");
    let large = predict(server.grpc_address(), grpc_text("20001")).unwrap_err();
    assert!(large.message().contains("--max-body-size"), "{large}");
    predict(server.grpc_address(), grpc_text("slow")).unwrap_err();
    for limit in ["body", "response", "time"] {
        assert_eq!(refused(&server, limit, "grpc"), 1.0, "{limit}");
    }
    assert_eq!(refused(&server, "queue", "rest"), 0.0);
}

#[test]
fn a_body_must_come_in_time() {
    let server = scripted(&["--body-timeout", "1", "--idle-timeout", "60"]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    stream.write_all(head).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = [0; 12];
        reader.read_exact(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    });
    while !said.is_finished() {
        // It fails where the connection has ended.
        let written = stream.write(b" ");
        std::thread::sleep(Duration::from_millis(50));
        assert!(written.is_ok() || said.is_finished(), "{written:?}");
    }
    assert_eq!(said.join().unwrap(), "HTTP/1.1 408");
    assert_eq!(refused(&server, "body_time", "rest"), 1.0);
}

/// What the server says on a connection until it closes it.
fn said(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8(said).unwrap()
}

/// A connection is counted after its client has seen the end of it.
fn eventually_cut(server: &Server, reason: &str, count: f64) {
    let labels = [("port", "rest"), ("reason", reason)];
    let cuts = || value(&scrape(server), "streeling_connections_cut_total", &labels);
    eventually(&format!("{count} cut for {reason}"), || cuts() >= count);
    assert_eq!(cuts(), count);
}

#[test]
fn heads_and_parts_are_bounded_by_their_settings() {
    let server = scripted(&[
        "--max-head-size",
        "1500",
        "--max-headers",
        "5",
        "--max-parts",
        "2",
        "--head-timeout",
        "1",
    ]);
    let head = "GET /health/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let (short, long) = ("a: b\r\n".repeat(3), "a: b\r\n".repeat(4));
    let large = format!("a: {}\r\n", "b".repeat(1500));
    for (fields, status) in [(&short, "200"), (&long, "431"), (&large, "431")] {
        let said = said(&server, &format!("{head}{fields}\r\n"));
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    eventually_cut(&server, "head", 2.0);
    assert_eq!(said(&server, head), "");
    eventually_cut(&server, "head_timeout", 1.0);
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let form = Request {
        headers: vec![("content-type".to_owned(), content_type)],
        ..Request::json("/predict", "a=1&b=2&json={}")
    };
    let (status, error) = send_json(&server, &form);
    assert_eq!(status, 413, "{error}");
    let info = error["status"]["info"].as_str().unwrap();
    assert!(info.contains("2 (--max-parts, "), "{info}");
}

#[test]
fn a_client_that_does_not_read_its_response_is_cut() {
    let server = scripted(&["--write-timeout", "1"]);
    // More than the kernel keeps for a client.
    let body = json!({"strData": "x".repeat(50_000_000)}).to_string();
    let request = Request::json("/predict", body);
    let stream = request.begin(server.address(), TIMEOUT).unwrap();
    server.wait_for_log("--write-timeout");
    eventually_cut(&server, "unread", 1.0);
    drop(stream);
}
