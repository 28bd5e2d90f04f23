//! Requests of which workers die, that hang, or that take all memory: they are refused or ended,
//! and the server goes on.

use serde_json::{Value, json};
use streeling_proto::seldon::protos::SeldonMessageList;
use streeling_proto::seldon::protos::combiner_client::CombinerClient;
use streeling_testkit::{Request, Server};
use tempfile::TempDir;
use tonic::Code;

use crate::grpc_client::{connected, predict, text};
use crate::metrics::of_pool;
use crate::support::{command_in, eventually, send_json};

/// Dies of texts that begin with `die`, and does without end what others say; it counts the
/// messages of an aggregate.
const MODEL: &str = r#"
import os
import time


class Model:
    def predict(self, X, names):
        kept = []
        while X in ("hang", "grow"):
            if X == "grow":
                kept.append(b"x" * (4 << 20))
            time.sleep(0.01)
        if X.startswith("die"):
            os._exit(9)
        return X

    def aggregate(self, values, names):
        return f"{len(values)}"
"#;

fn serve(flags: &[&str]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Model.py"), MODEL).unwrap();
    let server = command_in(folder.path(), "Model")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .args(flags)
        .start()
        .unwrap();
    (server, folder)
}

fn call(server: &Server, text: &str) -> (u16, Value) {
    let body = json!({"strData": text}).to_string();
    send_json(server, &Request::json("/predict", body))
}

#[test]
fn a_request_of_which_two_workers_have_died_is_refused_over_both_transports() {
    let (server, _folder) = serve(&[]);
    assert_eq!(call(&server, "die").0, 503);
    for _ in 0..2 {
        let (status, body) = call(&server, "die");
        assert_eq!(status, 500, "{body}");
        assert_eq!(body["status"]["reason"], "REQUEST_QUARANTINED");
        let info = body["status"]["info"].as_str().unwrap();
        assert!(
            info.contains("--quarantine, STREELING_QUARANTINE"),
            "{info}"
        );
    }
    assert_eq!(of_pool(&server, "quarantined_requests", None), 1.0);
    assert_eq!(of_pool(&server, "quarantine_refusals_total", None), 1.0);
    assert_eq!(call(&server, "dye").0, 200);
    server.wait_for_log("alone, and it is refused for 300 s");

    let grpc = || predict(server.grpc_address(), text("die")).unwrap_err();
    assert_eq!(grpc().code(), Code::Unavailable);
    for _ in 0..2 {
        let refused = grpc();
        assert_eq!(refused.code(), Code::Unknown);
        assert!(refused.message().contains("--quarantine"), "{refused}");
    }
}

#[test]
fn no_request_of_which_workers_die_ends_the_server() {
    let (server, _folder) = serve(&["--quarantine", "0"]);
    for count in 1..=9 {
        assert_eq!(call(&server, "die").0, 503);
        eventually("the death", || {
            of_pool(&server, "worker_deaths_total", Some("exited")) == f64::from(count)
        });
    }
    assert_eq!(call(&server, "live").0, 200);
    assert_eq!(of_pool(&server, "quarantined_requests", None), 0.0);
}

/// A count of 16 bits would be 0.
#[test]
fn an_aggregate_of_65_536_messages_is_served_over_both_transports() {
    const COUNT: usize = 1 << 16;
    let (server, _folder) = serve(&[]);
    let messages = vec![r#"{"strData":"a"}"#; COUNT].join(",");
    let body = format!(r#"{{"seldonMessages":[{messages}]}}"#);
    let (status, body) = send_json(&server, &Request::json("/aggregate", body));
    assert_eq!((status, body["strData"].as_str()), (200, Some("65536")));

    let list = SeldonMessageList {
        seldon_messages: vec![text("a"); COUNT],
    };
    let response = connected(server.grpc_address(), async |channel| {
        CombinerClient::new(channel).aggregate(list).await
    });
    assert_eq!(response.unwrap().data_oneof, text("65536").data_oneof);
    assert_eq!(of_pool(&server, "worker_deaths_total", Some("exited")), 0.0);
}

#[test]
fn a_call_that_hangs_is_ended() {
    // It bounds the start, too, which takes seconds on a busy machine.
    let (server, _folder) = serve(&["--hang-timeout", "8"]);
    let (status, body) = call(&server, "hang");
    assert_eq!(status, 504, "{body}");
    let info = body["status"]["info"].as_str().unwrap();
    assert!(info.contains("within 8 s (--hang-timeout"), "{info}");
    eventually("a successor", || {
        of_pool(&server, "worker_replacements_total", Some("stuck")) == 1.0
    });
    assert_eq!(call(&server, "live").0, 200);
    let hung = predict(server.grpc_address(), text("hang")).unwrap_err();
    assert_eq!(hung.code(), Code::DeadlineExceeded);
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_takes_all_memory_is_ended() {
    let (server, _folder) = serve(&["--worker-memory", "200MiB"]);
    let limit = of_pool(&server, "worker_memory_limit_bytes", None);
    assert_eq!(limit, f64::from(200 << 20));
    let (status, body) = call(&server, "grow");
    assert_eq!(status, 500, "{body}");
    assert_eq!(body["status"]["reason"], "WORKER_MEMORY");
    server.wait_for_log("allowed are 209715200 (--worker-memory");
    eventually("the loss", || {
        of_pool(&server, "worker_deaths_total", Some("memory")) == 1.0
    });
    assert_eq!(call(&server, "live").0, 200);
    let grown = predict(server.grpc_address(), text("grow")).unwrap_err();
    assert_eq!(grown.code(), Code::Unknown);
    assert!(grown.message().contains("--worker-memory"), "{grown}");
}
