//! Settings that a component or its clients notice.

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::{Value, json};
use streeling_testkit::Server;

use crate::metrics::of_pool;
use crate::support::{
    Gate, PYTHON, bare_command, command, command_in, eventually, perform, pid, root, scripted,
    send_json, worker,
};

/// Sends so many requests that all must be in the component or in the queue at once, each exactly
/// in the number that is given; the responses.
fn held_at_once(server: &Server, inside: u32, queued: u32) -> Vec<Value> {
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..inside + queued)
            .map(|number| {
                let request = gate.hold(number);
                scope.spawn(move || send_json(server, &request))
            })
            .collect();
        let counts = || ["threads_busy", "queue_length"].map(|name| of_pool(server, name, None));
        eventually("all requests", || {
            counts().iter().sum::<f64>() == f64::from(inside + queued)
        });
        assert_eq!(counts(), [inside, queued].map(f64::from));
        let held = || {
            let log = server.log();
            log.iter().filter(|line| line.contains("held with")).count()
        };
        eventually("all that are inside", || held() == inside as usize);
        gate.open();
        let responses = calls.into_iter().map(|call| call.join().unwrap());
        responses
            .map(|(status, mut body)| {
                assert_eq!(status, 200, "{body}");
                body["jsonData"].take()
            })
            .collect()
    })
}

#[test]
fn parameters_have_their_types() {
    let parameters = json!([
        {"name": "int", "value": "3", "type": "INT"},
        {"name": "float", "value": "0.5", "type": "FLOAT"},
        {"name": "text", "value": "abc", "type": "STRING"},
        {"name": "flag", "value": "true", "type": "BOOL"},
    ]);
    let server = scripted(&["--parameters", &parameters.to_string()]);
    let expected = json!({
        "int": ["int", 3], "float": ["float", 0.5], "text": ["str", "abc"], "flag": ["bool", true],
    });
    assert_eq!(perform(&server, "given", &json!({})), expected);
}

#[test]
fn flag_comes_before_variable() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let parameter =
        |value: &str| json!([{"name": "who", "value": value, "type": "STRING"}]).to_string();
    let by_variable = command("Scripted")
        .env("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", port)
        .env("PREDICTIVE_UNIT_PARAMETERS", parameter("variable"));
    let server = by_variable.start().unwrap();
    assert_eq!(perform(&server, "given", &json!({}))["who"][1], "variable");
    let by_flag = by_variable.args(["--parameters", &parameter("flag")]);
    let server = by_flag.start().unwrap();
    assert_eq!(perform(&server, "given", &json!({}))["who"][1], "flag");
}

#[test]
fn component_is_found_in_another_folder() {
    let folder = root().join("tests/components");
    let elsewhere = tempfile::tempdir().unwrap();
    let server = command_in(elsewhere.path(), "Scripted")
        .args(["--app-dir", folder.to_str().unwrap()])
        .start()
        .unwrap();
    assert!(worker(&server) > 0);
}

#[test]
fn interpreter_is_chosen_by_flag() {
    let server = bare_command(&root().join("tests/components"))
        .env("STREELING_PYTHON", "/nowhere/python")
        .args(["Scripted", "--http-port", "0", "--python"])
        .args([&*PYTHON])
        .start()
        .unwrap();
    assert!(worker(&server) > 0);
}

#[test]
fn two_workers_are_two_processes() {
    let server = scripted(&["--workers", "2", "--threads", "1"]);
    let responses = held_at_once(&server, 2, 0);
    let pids: BTreeSet<_> = responses.iter().map(pid).collect();
    assert_eq!(pids.len(), 2);
}

#[test]
fn four_threads_are_four_calls_at_once() {
    let server = scripted(&["--threads", "4"]);
    held_at_once(&server, 4, 3);
}

#[test]
fn single_threaded_is_one_call_at_a_time() {
    let server = scripted(&["--threads", "4", "--single-threaded"]);
    for response in held_at_once(&server, 1, 3) {
        assert_eq!(response["peak"], 1);
    }
}
