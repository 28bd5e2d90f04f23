//! What spans record of a request, and which trace they belong to.

use std::collections::BTreeSet;

use serde_json::json;
use streeling_testkit::{Request, Server, ServerCommand};

use crate::collector::{Collector, Span, named};
use crate::grpc_client::{predict_with, tensor};
use crate::support::{command, send_json, step};

/// The stages of a request, each of which has a span.
const STAGES: [&str; 4] = ["decode", "queue", "component", "encode"];

/// The caller's span in these tests.
const CALLER: &str = "00f067aa0ba902b7";

/// `component` with both transports.
fn both(component: &str) -> ServerCommand {
    command(component)
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
}

/// Sends a prediction with headers; it must succeed.
pub(crate) fn predicted(server: &Server, headers: &[(&str, &str)]) {
    let body = json!({"data": {"ndarray": [[1.0]]}});
    let mut request = Request::json("/predict", body.to_string());
    let headers = headers.iter().copied();
    request
        .headers
        .extend(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (status, response) = send_json(server, &request);
    assert_eq!(status, 200, "{response}");
}

/// The spans of a request's stages are there, belong to it, and lie within it.
fn has_its_stages(collector: &Collector, request: &Span) {
    let stages = collector.children(STAGES.len(), request);
    let names: BTreeSet<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(STAGES), "{stages:#?}");
    for stage in &stages {
        assert_eq!(stage.trace_id, request.trace_id);
        assert!(stage.is_within(request), "{stage:#?} in {request:#?}");
        assert_ne!(stage.kind, "server");
        assert!(!stage.error, "{stage:#?}");
    }
}

#[test]
fn a_request_continues_the_trace_of_its_caller() {
    let collector = Collector::start();
    let server = collector
        .by_jaeger(command("Scripted"))
        .env("JAEGER_EXTRA_TAGS", "team=red,zone=a")
        .start()
        .unwrap();
    let id = |last| format!("4bf92f3577b34da6a3ce929d0e0e47{last:02x}");
    let short = "48485a3953bb6124";
    let contexts = [
        (
            id(1),
            vec![("uber-trace-id", format!("{}:{CALLER}:0:1", id(1)))],
        ),
        // Old ids have 64 bits, and leading zeros may be missing.
        (
            format!("{short:0>32}"),
            vec![("uber-trace-id", format!("{short}:f067aa0ba902b7:0:1"))],
        ),
        (
            id(2),
            vec![("traceparent", format!("00-{}-{CALLER}-01", id(2)))],
        ),
        (id(3), vec![("b3", format!("{}-{CALLER}-1", id(3)))]),
        (
            id(4),
            vec![
                ("x-b3-traceid", id(4)),
                ("x-b3-spanid", CALLER.to_owned()),
                ("x-b3-sampled", "1".to_owned()),
            ],
        ),
    ];
    for (number, (trace, headers)) in contexts.iter().enumerate() {
        let given = format!("request-{number}");
        let mut headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        headers.push(("seldon-puid", &given));
        predicted(&server, &headers);
        let span = collector.wait_for(&format!("request by {headers:?}"), |span| {
            span.trace_id == *trace && span.kind == "server"
        });
        assert_eq!(span.name, "Predict");
        assert_eq!(span.parent_id, CALLER, "{headers:?}");
        assert_eq!(span.service, "Scripted");
        assert_eq!((span.via.as_str(), span.error), ("jaeger", false));
        assert_eq!(span.tag("span.kind"), "server");
        assert_eq!(span.tag("http.method"), "POST");
        assert_eq!(span.tags["http.status_code"], 200);
        assert_eq!(span.tag("request_id"), given);
        let url = span.tag("http.url");
        let expected = format!("http://{}/predict", server.address());
        assert_eq!(url, expected);
        assert!(!span.tag("component").is_empty(), "{span:#?}");
        let extra = [span.tag("team"), span.tag("zone")];
        assert_eq!(extra, ["red", "a"], "{span:#?}");
        has_its_stages(&collector, &span);
    }
    // Exactly these: one span for each request and one for each of its stages.
    let all = collector.spans_after(server);
    assert_eq!(all.len(), contexts.len() * (1 + STAGES.len()), "{all:#?}");
}

#[test]
fn a_request_without_a_readable_context_starts_a_trace() {
    let collector = Collector::start();
    let server = collector.by_jaeger(command("Scripted")).start().unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let zeros = "0".repeat(32);
    let contexts = [
        vec![],
        vec![("uber-trace-id", "nonsense".to_owned())],
        vec![("uber-trace-id", format!("{trace}:{CALLER}:0"))],
        vec![("uber-trace-id", format!("{trace}:{CALLER}:0:zz"))],
        vec![("uber-trace-id", format!("{zeros}:{CALLER}:0:1"))],
        vec![("uber-trace-id", format!("{trace}ff:{CALLER}:0:1"))],
        vec![("traceparent", format!("00-{trace}-{CALLER}"))],
        vec![("traceparent", format!("00-{zeros}-{CALLER}-01"))],
        vec![("traceparent", format!("ff-{trace}-{CALLER}-01"))],
        vec![("b3", format!("{trace}-{CALLER}-maybe"))],
        vec![("b3", "é".to_owned())],
        vec![("x-b3-traceid", trace.to_owned())],
        vec![
            ("x-b3-traceid", "x".repeat(9000)),
            ("x-b3-spanid", CALLER.to_owned()),
        ],
    ];
    for headers in &contexts {
        let headers = headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        predicted(&server, &headers);
    }
    let all = collector.spans_after(server);
    let requests = named(&all, "Predict");
    assert_eq!(requests.len(), contexts.len());
    let traces: BTreeSet<&str> = requests.iter().map(|span| span.trace_id.as_str()).collect();
    assert_eq!(traces.len(), contexts.len(), "{requests:#?}");
    for span in requests {
        assert_eq!(span.parent_id, "", "{span:#?}");
        assert!(
            span.trace_id != trace && span.trace_id != zeros,
            "{span:#?}"
        );
        // The sampler that chose it.
        assert_eq!(span.tag("sampler.type"), "const", "{span:#?}");
    }
}

#[test]
fn calls_over_grpc_have_spans_too() {
    let collector = Collector::start();
    let server = collector.by_jaeger(both("Scripted")).start().unwrap();
    let traces = [
        "4bf92f3577b34da6a3ce929d0e0e4731",
        "4bf92f3577b34da6a3ce929d0e0e4732",
    ];
    let contexts = [
        ("uber-trace-id", format!("{}:{CALLER}:0:1", traces[0])),
        ("traceparent", format!("00-{}-{CALLER}-01", traces[1])),
    ];
    for ((name, value), trace) in contexts.iter().zip(traces) {
        let message = tensor([1, 1], &[1.0]);
        predict_with(server.grpc_address(), message, &[(name, value)]).unwrap();
        let span = collector.wait_for(&format!("call by {name}"), |span| {
            span.trace_id == trace && span.kind == "server"
        });
        assert_eq!(span.name, "/seldon.protos.Model/Predict");
        assert_eq!((span.parent_id.as_str(), span.error), (CALLER, false));
        assert_eq!(span.service, "Scripted");
        assert_eq!(span.tag("peer.ipv4"), "127.0.0.1", "{span:#?}");
        let port: u16 = span.tag("peer.port").parse().unwrap();
        assert!(port > 0);
        assert!(!span.tag("component").is_empty(), "{span:#?}");
        has_its_stages(&collector, &span);
    }
}

#[test]
fn what_fails_is_marked() {
    let collector = Collector::start();
    let server = collector.by_jaeger(command("Scripted")).start().unwrap();
    let failing = step("fail", &json!({"text": "as scripted"}));
    assert_eq!(send_json(&server, &failing).0, 500);
    let span = collector.wait_for("request that failed", |span| span.kind == "server");
    assert!(span.error, "{span:#?}");
    assert_eq!(span.tags["http.status_code"], 500);
    predicted(&server, &[]);
    // A mistake of the client's is no error of the server.
    let wrong = Request::json("/predict", "{");
    assert_eq!(send_json(&server, &wrong).0, 400);
    let all = collector.spans_after(server);
    let status = |span: &&Span| (span.tag("http.status_code"), span.error);
    let seen: BTreeSet<_> = all
        .iter()
        .filter(|span| span.kind == "server")
        .map(|span| status(&span))
        .collect();
    let expected = [("200", false), ("400", false), ("500", true)];
    assert_eq!(
        seen,
        expected
            .map(|(code, error)| (code.to_owned(), error))
            .into()
    );
}

#[test]
fn a_service_is_named_as_its_component_by_default() {
    for (component, variable, expected) in [
        ("Scripted", None, "Scripted"),
        ("metered.Plain", None, "metered.Plain"),
        ("Scripted", Some("models-of-ours"), "models-of-ours"),
    ] {
        let collector = Collector::start();
        let mut server = collector.by_jaeger(command(component));
        if let Some(name) = variable {
            server = server.env("OTEL_SERVICE_NAME", name);
        }
        let server = server.start().unwrap();
        predicted(&server, &[]);
        let span = collector.wait_for("request", |span| span.kind == "server");
        assert_eq!(span.service, expected);
    }
}

#[test]
fn nothing_is_sent_unless_tracing_is_on() {
    let collector = Collector::start();
    let quiet = collector.by_jaeger(command("Scripted"));
    let server = quiet.env("TRACING", "0").start().unwrap();
    for _ in 0..20 {
        predicted(
            &server,
            &[("traceparent", &format!("00-{}-{CALLER}-01", "a".repeat(32)))],
        );
    }
    let all = collector.spans_after(server);
    assert!(all.is_empty(), "{all:#?}");
}
