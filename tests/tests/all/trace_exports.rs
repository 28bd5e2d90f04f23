//! Spans by OTLP, those that are sent at the end, and those that a component records itself.

use serde_json::json;
use streeling_proto::seldon::protos::seldon_message::DataOneof;
use streeling_testkit::{Request, ServerCommand};

use crate::collector::{Collector, Span, named};
use crate::grpc_client::{predict_with, text};
use crate::support::{command, send_json, step};
use crate::traces::predicted;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn shows_a_request(collector: &Collector, server: &ServerCommand, via: &str) {
    let server = server.start().unwrap();
    predicted(
        &server,
        &[("traceparent", &format!("00-{TRACE}-{CALLER}-01"))],
    );
    let span = collector.wait_for("request", |span| span.kind == "server");
    assert_eq!((span.name.as_str(), span.via.as_str()), ("Predict", via));
    assert_eq!(
        (span.trace_id.as_str(), span.parent_id.as_str()),
        (TRACE, CALLER)
    );
    assert_eq!((span.service.as_str(), span.error), ("Scripted", false));
    assert_eq!(span.tags["http.status_code"], 200);
    assert_eq!(span.tag("http.method"), "POST");
    let stages = collector.children(4, &span);
    assert!(
        stages.iter().all(|stage| stage.is_within(&span)),
        "{stages:#?}"
    );
    assert!(
        stages.iter().all(|stage| stage.kind == "internal"),
        "{stages:#?}"
    );
    let failing = step("fail", &json!({"text": "as scripted"}));
    assert_eq!(send_json(&server, &failing).0, 500);
    collector.wait_for("request that failed", |span| {
        span.error && span.kind == "server"
    });
}

#[test]
fn otlp_over_grpc() {
    let collector = Collector::start();
    let server = collector
        .by_grpc(command("Scripted"))
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=tests");
    shows_a_request(&collector, &server, "grpc");
    let span: &Span = &collector.spans()[0];
    assert_eq!(span.process["deployment.environment"], "tests");
}

#[test]
fn otlp_over_http() {
    let collector = Collector::start();
    shows_a_request(&collector, &collector.by_http(command("Scripted")), "http");
}

#[test]
fn otlp_over_http_packed_and_at_an_address_for_traces_alone() {
    let collector = Collector::start();
    let server = command("Scripted")
        .env("TRACING", "1")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .env(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            collector.http_traces(),
        )
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    shows_a_request(&collector, &server, "http");
}

#[test]
fn what_waits_is_sent_when_the_server_ends() {
    type Point = fn(&Collector, ServerCommand) -> ServerCommand;
    let ways: [Point; 3] = [Collector::by_jaeger, Collector::by_grpc, Collector::by_http];
    for by in ways {
        let collector = Collector::start();
        // A batch is sent when it is full, and else not before the end. The end has a second: so
        // little is left for it, on a connection that is there.
        let server = by(&collector, command("Scripted"))
            .env("OTEL_BSP_SCHEDULE_DELAY", "600000")
            .env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
            .start()
            .unwrap();
        for _ in 0..3 {
            predicted(&server, &[]);
        }
        collector.wait_for_some(10, "spans of a full batch", |_| true);
        assert_eq!(collector.spans().len(), 10);
        collector.spans_after(server);
        // The mark after the last span is sent by UDP, and may overtake what is sent by OTLP.
        let all = collector.wait_for_some(15, "spans", |_| true);
        assert_eq!((all.len(), named(&all, "Predict").len()), (15, 3));
    }
}

/// The trace, the parent and the flags that the component's span got.
fn given(text: &str) -> [&str; 3] {
    let words: Vec<&str> = text.split(' ').collect();
    words
        .try_into()
        .unwrap_or_else(|_| panic!("no context in {text:?}"))
}

#[test]
fn a_components_own_spans_belong_to_the_request() {
    let collector = Collector::start();
    let server = collector
        .by_jaeger(command("traced.Spans"))
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .start()
        .unwrap();
    // First without a trace of the caller's: the server's own counts.
    for span in ["own", "current"] {
        let body = json!({"strData": span}).to_string();
        let (status, response) = send_json(&server, &Request::json("/predict", body));
        assert_eq!(status, 200, "{response}");
        let [trace, parent, flags] = given(response["strData"].as_str().unwrap());
        assert_eq!(flags, "1", "{response}");
        belongs(&collector, trace, parent, "Predict");
    }
    for span in ["own", "current"] {
        let trace = if span == "own" {
            TRACE
        } else {
            "4bf92f3577b34da6a3ce929d0e0e4737"
        };
        let context = format!("{trace}:{CALLER}:0:1");
        let metadata = [("uber-trace-id", context.as_str())];
        let response = predict_with(server.grpc_address(), text(span), &metadata).unwrap();
        let Some(DataOneof::StrData(response)) = &response.data_oneof else {
            panic!("no text in {response:?}");
        };
        let [got, parent, flags] = given(response);
        assert_eq!((got, flags), (trace, "1"));
        belongs(&collector, trace, parent, "/seldon.protos.Model/Predict");
    }
}

/// `parent` is the span of the component's part in a request of this name.
fn belongs(collector: &Collector, trace: &str, parent: &str, name: &str) {
    let component = collector.wait_for("component's part", |span| span.span_id == parent);
    assert_eq!(
        (component.name.as_str(), component.trace_id.as_str()),
        ("component", trace)
    );
    let request = collector.wait_for("request", |span| span.span_id == component.parent_id);
    assert_eq!(
        (request.name.as_str(), request.trace_id.as_str()),
        (name, trace)
    );
}

#[test]
fn a_component_learns_that_nothing_is_recorded() {
    let collector = Collector::start();
    let server = collector
        .by_jaeger(command("traced.Spans"))
        .start()
        .unwrap();
    let mut request = Request::json("/predict", r#"{"strData":"current"}"#);
    let not_sampled = format!("00-{TRACE}-{CALLER}-00");
    request
        .headers
        .push(("traceparent".to_owned(), not_sampled));
    let (status, response) = send_json(&server, &request);
    assert_eq!(status, 200, "{response}");
    let [trace, _, flags] = given(response["strData"].as_str().unwrap());
    assert_eq!((trace, flags), (TRACE, "0"));
    assert!(collector.spans_after(server).is_empty());
}

#[test]
fn a_components_own_spans_are_its_own_without_tracing() {
    let server = command("traced.Spans").env("TRACING", "0").start().unwrap();
    let (status, response) = send_json(&server, &Request::json("/predict", r#"{"strData":"own"}"#));
    assert_eq!((status, &response["strData"]), (200, &json!("no parent")));
}
