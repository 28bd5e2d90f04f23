//! A worker that is lost, and callers that go away.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;
use streeling_testkit::{Request, Server};

use crate::support::{eventually, perform, runs, scripted, send_json, step, worker};

#[test]
fn lost_worker_is_reported_and_replaced() {
    let server = scripted(&[]);
    let first = worker(&server);
    let (status, error) = send_json(&server, &step("die", &json!({})));
    assert_eq!(status, 503, "{error}");
    assert_eq!(error["status"]["reason"], "MICROSERVICE_WORKER_LOST");
    // Its sockets close a moment before it is gone.
    eventually("the end of the worker", || !runs(first));
    let second = worker(&server);
    assert_ne!(first, second);
    server.wait_for_log("worker lost");
}

#[test]
fn other_worker_goes_on_meanwhile() {
    let server = scripted(&["--workers", "2"]);
    let (status, _) = send_json(&server, &step("die", &json!({})));
    assert_eq!(status, 503);
    for number in 0..20 {
        let echoed = perform(&server, "sleep", &json!({"seconds": 0, "number": number}));
        assert_eq!(echoed["number"], number);
    }
}

/// Sends a request and hangs up before the response.
fn hang_up(server: &Server, number: usize) {
    let Request { path, body, .. } = step("sleep", &json!({"seconds": 0.002, "number": number}));
    let body = body.unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Some within the body, some after it.
    let sent = if number.is_multiple_of(2) {
        body.len()
    } else {
        body.len() / 2
    };
    stream.write_all(&body[..sent]).unwrap();
}

#[test]
fn clients_that_hang_up_do_no_harm() {
    let server = scripted(&["--threads", "2"]);
    let pid = worker(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..300).for_each(|number| hang_up(&server, number)));
        for caller in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for number in (0..50).map(|n| 1000 * caller + n) {
                    let echoed = perform(server, "sleep", &json!({"seconds": 0, "number": number}));
                    assert_eq!(echoed["number"], number);
                }
            });
        }
    });
    // The calls that were hung up on are skipped, or soon over.
    eventually("an idle worker", || worker(&server) == pid);
}
