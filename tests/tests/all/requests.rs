//! What a component reads of a request beside its message.

use std::fmt::Write as _;

use serde_json::json;
use streeling_testkit::Request;

use crate::collector::Collector;
use crate::grpc_client::{predict_with, text};
use crate::support::{command, send_json};
use streeling_proto::seldon::protos::seldon_message::DataOneof;

fn with_headers(mut request: Request, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter();
    request
        .headers
        .extend(headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    request
}

#[test]
fn headers_without_flask() {
    let server = command("reads.Headers")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .start()
        .unwrap();
    let request = Request::json("/predict", r#"{"strData":"a"}"#);
    let headers = [("X-Tenant", "t1"), ("X-Twice", "a"), ("X-Twice", "b")];
    let (status, body) = send_json(&server, &with_headers(request, &headers));
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["jsonData"]["found"], json!(["t1", ["a", "b"], null]));
    let response = predict_with(server.grpc_address(), text("a"), &[("x-tenant", "t2")]).unwrap();
    let Some(DataOneof::JsonData(found)) = response.data_oneof else {
        panic!("no JSON in {response:?}");
    };
    let found = format!("{found:?}");
    assert!(found.contains("t2"), "{found}");
}

#[test]
fn a_large_array_and_its_body_by_flask() {
    let server = command("reads.Flask").start().unwrap();
    // More than a worker reads at once.
    let mut body = r#"{"data":{"ndarray":[0"#.to_owned();
    for number in 1..100_000 {
        write!(body, ",{number}").unwrap();
    }
    body.push_str("]}}");
    let length = body.len();
    for rest in ["t1", "t2"] {
        let request = Request::json("/predict", body.clone());
        let request = with_headers(request, &[("x-tenant", rest)]);
        let (status, response) = send_json(&server, &request);
        assert_eq!(status, 200, "{response}");
        let expected = json!({"sum": 4_999_950_000.0, "length": length, "tenant": rest});
        assert_eq!(response["jsonData"], expected);
    }
}

#[test]
fn error_handlers_without_flask_are_ignored_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("flask.py");
    std::fs::write(module, "raise ImportError('not installed')\n").unwrap();
    let server = command("reads.Outside")
        .env("PYTHONPATH", folder.path().to_str().unwrap())
        .start()
        .unwrap();
    let warning = "model_error_handler is ignored, since Flask cannot be imported: not installed";
    server.wait_for_log(warning);
    let request = Request::json("/predict", r#"{"strData":"a"}"#);
    let (status, body) = send_json(&server, &request);
    assert_eq!((status, &body["strData"]), (200, &json!("a")));
    let (status, body) = send_json(&server, &Request::get("/nowhere"));
    assert_eq!((status, &body["status"]["status"]), (404, &json!(1)));
}

#[test]
fn spans_by_opentracing_are_below_the_servers() {
    let collector = Collector::start();
    let server = collector
        .by_jaeger(command("opened.Spans"))
        .start()
        .unwrap();
    let request = Request::json("/predict", r#"{"strData":"a"}"#);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let caller = format!("{trace}:00f067aa0ba902b7:0:1");
    let (status, body) = send_json(
        &server,
        &with_headers(request, &[("uber-trace-id", &caller)]),
    );
    assert_eq!(status, 200, "{body}");
    let expected = json!({"tracer": "jaeger_client.tracer.Tracer", "parent": "jaeger_client.span"});
    assert_eq!(body["jsonData"], expected);
    // The worker sends its last spans when it ends.
    let spans = collector.spans_after(server);
    let one = |name: &str| {
        let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} in {spans:#?}");
        found[0]
    };
    let (own, component) = (one("mine"), one("component"));
    assert_eq!(
        (own.trace_id.as_str(), own.tag("own")),
        (trace, "yes".to_owned())
    );
    assert_eq!(own.parent_id, component.span_id);
    assert_eq!(component.parent_id, one("Predict").span_id);
    assert_eq!(own.service, component.service);
}
