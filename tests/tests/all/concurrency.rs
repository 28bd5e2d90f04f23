//! How many calls a component has at the same time, by the settings, the name of the program, and
//! what the class defines.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};
use streeling_proto::seldon::protos::SeldonMessage;
use streeling_testkit::{Request, Server, ServerCommand};
use tempfile::TempDir;

use crate::grpc_client::{predict, tensor};
use crate::support::{SERVER, command, send_json};

const CALLERS: u32 = 8;
const REQUESTS: u32 = 50;

/// The server under its second name.
struct SecondName(TempDir);

impl SecondName {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        symlink(&*SERVER, folder.path().join("seldon-core-microservice")).unwrap();
        Self(folder)
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("seldon-core-microservice")
    }
}

/// Calls `request` with a number of each caller's own, from all callers at the same time.
fn all_callers(request: impl Fn(u32) + Sync) {
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let request = &request;
            scope.spawn(move || {
                for turn in 0..REQUESTS {
                    request(caller * REQUESTS + turn);
                }
            });
        }
    });
}

fn post(path: &str, number: u32) -> Request {
    let body = json!({"data": {"ndarray": [[f64::from(number), 0.5]]}});
    Request::json(path, body.to_string())
}

fn rest(server: &Server, path: &str, number: u32) -> Value {
    let (status, body) = send_json(server, &post(path, number));
    assert_eq!(status, 200, "{body}");
    body["meta"].clone()
}

fn grpc(server: &Server, number: u32) -> SeldonMessage {
    let message = tensor([1, 2], &[f64::from(number), 0.5]);
    predict(server.grpc_address(), message).unwrap()
}

/// What `tags` say belongs to the request of the response, whatever the defaults are, for REST and
/// gRPC, in workers of their own or in the same ones.
#[test]
fn tags_are_those_of_the_request_at_the_defaults() {
    let second_name = SecondName::new();
    for (command, threads) in [
        (command("concurrency.Sticky"), "10 threads"),
        (
            command("concurrency.Sticky").args(["--worker-pool", "shared"]),
            "10 threads",
        ),
        (
            command("concurrency.Sticky").program(second_name.program()),
            "1 thread",
        ),
    ] {
        let server = command
            .env("GRPC_WORKERS", "1")
            .args(["--grpc-port", "0"])
            .start()
            .unwrap();
        assert!(
            server
                .wait_for_log("loads concurrency.Sticky")
                .contains(threads)
        );
        all_callers(|number| {
            // All methods use the same object.
            let path = ["/predict", "/transform-input"][number as usize % 2];
            assert_eq!(
                rest(&server, path, number)["tags"]["seen"],
                f64::from(number)
            );
        });
        all_callers(|number| {
            let meta = grpc(&server, number).meta.unwrap();
            let Some(prost_types::value::Kind::NumberValue(seen)) = &meta.tags["seen"].kind else {
                panic!("no number in {meta:?}");
            };
            assert_eq!(*seen, f64::from(number));
        });
        let says_so = server
            .log()
            .iter()
            .any(|line| line.contains("one call at a time"));
        assert_eq!(says_so, threads == "10 threads");
    }
}

#[test]
fn metrics_are_those_of_the_request_at_the_defaults() {
    let server = command("concurrency.StickyMetrics").start().unwrap();
    server.wait_for_log("concurrency.StickyMetrics defines tags or metrics");
    all_callers(|number| {
        let meta = rest(&server, "/predict", number);
        assert_eq!(meta["metrics"][0]["value"], f64::from(number), "{meta}");
    });
}

/// Ten requests at the same time, of which none gets a response before all are in the component.
fn meet(command: &ServerCommand) {
    let server = command.start().unwrap();
    std::thread::scope(|scope| {
        for number in 0..10 {
            let server = &server;
            scope.spawn(move || rest(server, "/predict", number));
        }
    });
    assert!(
        !server
            .log()
            .iter()
            .any(|line| line.contains("one call at a time"))
    );
}

#[test]
fn a_class_without_tags_of_its_own_has_all_threads() {
    meet(&command("concurrency.Meeting"));
    meet(&command("concurrency.Inherits"));
}

#[test]
fn a_number_that_is_set_or_the_class_gives_all_threads() {
    meet(&command("concurrency.Tagged").args(["--threads", "10"]));
    meet(&command("concurrency.Tagged").env("GUNICORN_THREADS", "10"));
    meet(&command("concurrency.Safe"));
}

#[test]
fn by_the_second_name_there_is_one_thread_the_main_one() {
    let second_name = SecondName::new();
    let alone = || {
        let parameters = r#"[{"name": "calls", "value": "1", "type": "INT"}]"#;
        command("concurrency.Meeting")
            .env("GRPC_WORKERS", "1")
            .args(["--grpc-port", "0", "--parameters", parameters])
    };
    let is_main = |command: &ServerCommand| {
        let server = command.start().unwrap();
        let (status, body) = send_json(&server, &post("/predict", 1));
        assert_eq!(status, 200, "{body}");
        let line = server.wait_for_log("loads concurrency.Meeting");
        (line, body["data"]["ndarray"][0][0].clone())
    };
    for (command, threads, defaults, main) in [
        (alone(), "10 threads", "STREELING_DEFAULTS=page", false),
        (
            alone().program(second_name.program()),
            "1 thread",
            "STREELING_DEFAULTS=1.18.2",
            true,
        ),
        (
            alone().env("STREELING_DEFAULTS", "1.18.2"),
            "1 thread",
            "STREELING_DEFAULTS=1.18.2",
            true,
        ),
        (
            alone()
                .program(second_name.program())
                .env("STREELING_DEFAULTS", "page"),
            "10 threads",
            "STREELING_DEFAULTS=page",
            false,
        ),
    ] {
        let (line, is_main) = is_main(&command);
        for transport in ["REST", "gRPC"] {
            let expected = format!("{transport}: 1 process with {threads};");
            assert!(line.contains(&expected), "no {expected:?} in {line}");
        }
        assert!(line.contains(defaults), "{line}");
        assert_eq!(is_main, main, "{line}");
    }
}
