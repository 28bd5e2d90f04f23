//! Limits: of requests, bytes, time, depth.

use serde_json::json;
use streeling_testkit::Request;

use crate::metrics::of_pool;
use crate::support::{Gate, eventually, perform, scripted, send_json, step, worker};

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
