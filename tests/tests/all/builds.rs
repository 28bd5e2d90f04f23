//! Builds without one of the transports; `cargo xtask test` puts them beside the full server.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use streeling_testkit::{Request, ServerCommand};

use crate::grpc_client::{predict, tensor, values};
use crate::processes::{listening, workers};
use crate::support::{PYTHON, SERVER, root, send_json};

/// `Scripted` on the build that has `transport` alone; every setting but the ports is a default.
fn build(transport: &str) -> ServerCommand {
    let server: PathBuf = SERVER.with_file_name(format!("streeling-{transport}"));
    assert!(
        server.exists(),
        "no {}: run `cargo xtask builds`, or `cargo xtask test`, which does so too",
        server.display()
    );
    ServerCommand::new(server, root().join("tests/components"))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("STREELING_PYTHON", &*PYTHON)
        .args(["Scripted", "--http-port", "0", "--grpc-port", "0"])
}

fn refuses(command: &ServerCommand, parts: &[&str]) {
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    for part in parts {
        assert!(ended.log.contains(part), "no \"{part}\" in: {}", ended.log);
    }
}

#[test]
fn without_grpc_rest_is_served_and_grpc_workers_are_refused() {
    let names = ["--grpc-workers", "GRPC_WORKERS", "the Cargo feature 'grpc'"];
    refuses(&build("rest").args(["--grpc-workers", "1"]), &names);
    refuses(&build("rest").env("GRPC_WORKERS", "1"), &names);
    refuses(
        &build("rest").args(["--metrics-port", "7"]),
        &[
            "--metrics-port",
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT",
            "the Cargo feature 'metrics'",
        ],
    );

    let server = build("rest").start().unwrap();
    let rest = BTreeSet::from([server.address().port()]);
    assert_eq!(listening(server.pid()), rest);
    assert_eq!(workers(server.pid()).len(), 1);
    let body = r#"{"data":{"ndarray":[[1.5,2.5]]}}"#;
    let (status, response) = send_json(&server, &Request::json("/predict", body));
    assert_eq!(
        (status, &response["data"]["ndarray"]),
        (200, &json!([[1.5, 2.5]]))
    );

    // No workers need no feature.
    build("rest").env("GRPC_WORKERS", "0").start().unwrap();
}

#[test]
fn without_rest_grpc_is_served_and_rest_workers_are_refused() {
    let names = ["--workers", "GUNICORN_WORKERS", "the Cargo feature 'rest'"];
    refuses(&build("grpc").args(["--workers", "2"]), &names);
    refuses(&build("grpc").env("GUNICORN_WORKERS", "2"), &names);

    let server = build("grpc").start_grpc().unwrap();
    let grpc = BTreeSet::from([server.address().port()]);
    assert_eq!(listening(server.pid()), grpc);
    assert_eq!(workers(server.pid()).len(), 1);
    let response = predict(server.address(), tensor([1, 2], &[1.5, 2.5])).unwrap();
    assert_eq!(values(&response), (&[1, 2][..], &[1.5, 2.5][..]));
}
