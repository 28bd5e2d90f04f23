//! Components in Rust: those that are compiled in, and a program of one's own around one.

use serde_json::{Value, json};
use streeling_testkit::{Request, ServerCommand};

use crate::grpc_client::{predict, tensor, values};
use crate::processes::workers;
use crate::support::{SERVER, send_json};

/// A program without Python, which it could not find.
fn native(program: &str, arguments: &[&str]) -> ServerCommand {
    let program = SERVER.with_file_name(program);
    assert!(
        program.exists(),
        "no {}: run `cargo xtask test builds`",
        program.display()
    );
    ServerCommand::new(program, std::env::temp_dir())
        .env("PATH", "")
        .args(arguments)
        .args(["--http-port", "0", "--metrics-port", "0"])
}

fn rows(rows: &Value) -> Request {
    Request::json("/predict", json!({"data": {"ndarray": rows}}).to_string())
}

fn refused(command: &ServerCommand, expected: &str) {
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains(expected), "{}", ended.log);
}

#[test]
fn what_is_compiled_in_is_served_over_both_transports_without_python() {
    let server = native("streeling", &["rust:echo", "--grpc-port", "0"]);
    let server = server.start().unwrap();
    let (status, response) = send_json(&server, &rows(&json!([[1.5, 2.0]])));
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["data"]["ndarray"], json!([[1.5, 2.0]]));
    let response = predict(server.grpc_address(), tensor([1, 2], &[1.5, 2.0])).unwrap();
    assert_eq!(values(&response), (&[1, 2][..], &[1.5, 2.0][..]));
    assert!(workers(server.pid()).is_empty());
}

#[test]
fn parameters_go_to_a_component_that_is_compiled_in() {
    let parameters = json!([
        {"name": "threshold", "type": "FLOAT", "value": "2.0"},
        {"name": "intValue", "type": "INT", "value": "1"},
    ]);
    let parameters = parameters.to_string();
    let command = |name: &str| {
        let flags = [name, "--grpc-workers", "0", "--parameters", &parameters];
        native("streeling", &flags)
    };
    let server = command("rust:mean_classifier").start().unwrap();
    let (status, response) = send_json(&server, &rows(&json!([[9, 1, 3]])));
    let data = json!({"names": ["proba"], "ndarray": [[0.5]]});
    let expected = json!({"data": data, "meta": {"tags": {"threshold": 2.0}}});
    assert_eq!((status, response), (200, expected));
    let (status, response) = send_json(&server, &rows(&json!([[9]])));
    assert_eq!(status, 400, "{response}");
    let info = response["status"]["info"].as_str().unwrap();
    assert!(info.contains("rows of at least 2 numbers"), "{info}");

    refused(&command("rust:echo"), "unknown field `threshold`");
    refused(
        &command("rust:iris"),
        "there are rust:echo, rust:mean_classifier",
    );
    refused(&command("rust:"), "rust: and the name of a component");
}

#[test]
fn a_check_describes_a_component_in_rust() {
    for (program, name, component) in [
        (
            "streeling",
            &["rust:echo"][..],
            "component    rust:echo (MODEL)",
        ),
        ("rust-model", &[], "component    rust:Mean (MODEL)"),
    ] {
        let ended = native(program, name).args(["--check"]).run().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.output.contains(component), "{}", ended.output);
        assert!(
            ended.output.contains("\"platform\":\"rust\""),
            "{}",
            ended.output
        );
        assert!(!ended.output.contains("interpreter"), "{}", ended.output);
    }
}

#[test]
fn a_program_of_one_s_own_has_the_whole_command_line() {
    let server = native("rust-model", &[]).start().unwrap();
    let (status, response) = send_json(&server, &rows(&json!([[1, 2, 6], [1, 1, 1]])));
    let data = json!({"names": ["mean"], "ndarray": [[3.0], [1.0]]});
    assert_eq!((status, response), (200, json!({"data": data, "meta": {}})));
    let (status, response) = send_json(&server, &rows(&json!([["a"]])));
    assert_eq!(status, 400, "{response}");

    let help = native("rust-model", &["--help"]).run().unwrap();
    assert_eq!(help.code, Some(0));
    assert!(help.output.contains("--max-body-size"), "{}", help.output);
    refused(&native("rust-model", &["--http-prot", "1"]), "--http-port");
    // It has no such transport.
    refused(
        &native("rust-model", &["--grpc-workers", "1"]),
        "the Cargo feature 'grpc'",
    );
}
