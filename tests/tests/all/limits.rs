//! Limits: of requests, bytes, time, depth.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;
use streeling_testkit::{Request, Server};

use crate::metrics::{of_pool, scrape, value};
use crate::support::{Gate, TIMEOUT, eventually, perform, scripted, send_json, step, worker};

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
    assert!(info.contains("2 (--max-parts)"), "{info}");
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
