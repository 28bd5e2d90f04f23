//! Limits: of requests, bytes, time, depth.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use streeling_testkit::Request;

use crate::support::{perform, scripted, send_json, step, worker};

#[test]
fn full_queue_turns_away() {
    let server = scripted(&["--threads", "1", "--max-queue", "1"]);
    let responses: Vec<_> = std::thread::scope(|scope| {
        let call = || {
            server
                .send(&step("sleep", &json!({"seconds": 0.5})))
                .unwrap()
        };
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let mut counts = BTreeMap::new();
    for response in &responses {
        *counts.entry(response.status).or_insert(0) += 1;
        if response.status == 503 {
            assert_eq!(response.headers["retry-after"], "1");
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(body["status"]["reason"], "MICROSERVICE_QUEUE_FULL");
            let info = body["status"]["info"].as_str().unwrap();
            assert!(info.contains("--max-queue"), "{info}");
        }
    }
    assert_eq!(counts.keys().collect::<Vec<_>>(), [&200, &503]);
    assert!(counts[&200] >= 2 && counts[&503] >= 2, "{counts:?}");
    assert_eq!(
        perform(&server, "sleep", &json!({"seconds": 0, "number": 3}))["number"],
        3
    );
}

#[test]
fn deadline_is_kept() {
    let server = scripted(&["--timeout-ms", "300"]);
    let (status, error) = send_json(&server, &step("sleep", &json!({"seconds": 2})));
    assert_eq!(status, 504, "{error}");
    assert!(
        error["status"]["info"].as_str().unwrap().contains("300 ms"),
        "{error}"
    );
    assert_eq!(
        perform(&server, "sleep", &json!({"seconds": 0, "number": 3}))["number"],
        3
    );
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
        assert!(status == 400 || status == 500, "{status} {error}");
        assert!(error["status"]["info"].is_string());
    }
    assert_eq!(worker(&server), pid);
}
