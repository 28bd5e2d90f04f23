//! Settings that a component or its clients notice.

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::{Value, json};
use streeling_testkit::Server;

use crate::support::{
    PYTHON, bare_command, command, command_in, perform, pid, root, scripted, worker,
};

/// The responses to one step that is requested `times` times at once.
fn at_once(server: &Server, times: usize, name: &str, with: &Value) -> Vec<Value> {
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..times)
            .map(|_| scope.spawn(|| perform(server, name, with)))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
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
    let responses = at_once(&server, 2, "pid", &json!({"after": 0.5}));
    let pids: BTreeSet<_> = responses.iter().map(pid).collect();
    assert_eq!(pids.len(), 2);
}

#[test]
fn four_threads_are_four_calls_at_once() {
    let server = scripted(&["--threads", "4"]);
    let responses = at_once(&server, 4, "crowd", &json!({"size": 4}));
    assert_eq!(responses, vec![json!({"crowd": 4}); 4]);
}

#[test]
fn single_threaded_is_one_call_at_a_time() {
    let server = scripted(&["--threads", "4", "--single-threaded"]);
    let responses = at_once(&server, 4, "peak", &json!({"seconds": 0.05}));
    assert_eq!(responses, vec![json!({"peak": 1}); 4]);
}
