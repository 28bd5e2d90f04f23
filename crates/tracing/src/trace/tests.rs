//! From requests to the bytes that backends receive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{
    Code, Observers, Operation, Outcome, RequestContext, RequestGuard, RequestInfo, Stage,
    Transport,
};

use super::config::{Backend, Limits, Sampling, TracerConfig};
use super::record::{Common, Finished, Parent, Span, Tag};
use super::*;

#[cfg(feature = "jaeger")]
mod jaeger;
#[cfg(feature = "otlp")]
mod otlp;

static REST: Transport = Transport {
    name: "rest",
    abandoned: Code::numbered(499),
    id_headers: &["x-request-id"],
};

static GRPC: Transport = Transport {
    name: "grpc",
    abandoned: Code::numbered(1),
    id_headers: &["x-request-id"],
};

const fn code(number: u16, is_fault: bool) -> Code {
    Code {
        is_fault,
        ..Code::numbered(number)
    }
}

const PREDICT: Operation = Operation {
    label: "predict",
    name: "Predict",
};

fn info() -> RequestInfo {
    RequestInfo {
        method: "POST".into(),
        target: "/predict?x=1".to_owned(),
        protocol: "HTTP/1.1",
        host: Some("localhost:9000".to_owned()),
        peer: Some(([10, 0, 0, 7], 4321).into()),
        ..RequestInfo::default()
    }
}

fn config(backend: Backend) -> TracerConfig {
    TracerConfig {
        backend,
        service: "Iris".to_owned(),
        resource: vec![("hostname".to_owned(), "here".to_owned())],
        tags: vec![("team".to_owned(), "blue".to_owned())],
        sampling: Sampling {
            sampler: Sampler::Const(true),
            follows_caller: true,
        },
        carriers: vec![Carrier::Jaeger, Carrier::TraceContext, Carrier::B3],
        limits: Limits {
            delay: Duration::from_millis(10),
            ..Limits::default()
        },
    }
}

/// Guards against a hang: longer than anything that a test waits for takes on the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A collector.
#[cfg(feature = "otlp")]
fn collector(protocol: Protocol, address: std::net::SocketAddr) -> Collector {
    Collector {
        protocol,
        endpoint: match protocol {
            Protocol::Grpc => format!("http://{address}"),
            Protocol::HttpProtobuf => format!("http://{address}/v1/traces"),
        },
        headers: vec![("x-token".to_owned(), "secret".to_owned())],
        timeout: TIMEOUT,
        gzip: false,
        tls: CollectorTls::default(),
    }
}

/// A backend that refuses connections.
fn unreachable_backend() -> Backend {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    #[cfg(feature = "otlp")]
    return Backend::Otlp(collector(Protocol::HttpProtobuf, address));
    #[cfg(not(feature = "otlp"))]
    Backend::Jaeger(Agent {
        host: address.ip().to_string(),
        port: address.port(),
    })
}

fn begin(
    observers: &Observers,
    transport: &'static Transport,
    given: &[(&str, &str)],
) -> RequestGuard {
    let headers = |name: &str| {
        let found = given.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    };
    observers.start(transport, &headers, info)
}

/// A finished request, with all its stages.
fn request(
    observers: &Observers,
    transport: &'static Transport,
    given: &[(&str, &str)],
    code: Code,
) {
    let guard = begin(observers, transport, given);
    let request = guard.request();
    request.set_operation(PREDICT);
    record_stages(request);
    guard.finish(&Outcome { code, bytes: 5 });
}

fn record_stages(request: &RequestContext) {
    let at = |micros| request.started + Duration::from_micros(micros);
    request.record(Stage::Decode, at(1), at(2));
    request.record(Stage::Queue, at(2), at(4));
    request.record(Stage::Component, at(4), at(8));
    request.record(Stage::Encode, at(8), at(9));
}

fn observers(tracer: &Arc<Tracer>) -> Observers {
    [Arc::clone(tracer) as Arc<dyn streeling_core::Observer>]
        .into_iter()
        .collect()
}

fn counts(tracer: &Tracer) -> BTreeMap<String, u64> {
    let mut samples = Vec::new();
    tracer.metric_source()(&mut samples);
    samples
        .into_iter()
        .map(|sample| {
            let name = sample
                .labels
                .first()
                .map_or("exported", |(_, reason)| reason);
            (name.to_owned(), sample.value as u64)
        })
        .collect()
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn spans(transport: &'static Transport, given: &[(&str, &str)], code: Code) -> Vec<Span> {
    let tracer = Arc::new(Tracer::start(&config(unreachable_backend())).unwrap());
    let guard = begin(&observers(&tracer), transport, given);
    let request = guard.request();
    request.set_operation(PREDICT);
    record_stages(request);
    let outcome = Outcome { code, bytes: 0 };
    let finished = Finished::new(request.trace.unwrap(), request, &outcome);
    let common = Common {
        tags: vec![("team".to_owned(), "blue".to_owned())],
        sampler: Sampler::Probabilistic(0.5).tags(),
    };
    let mut spans = Vec::new();
    finished.write(&common, &mut spans);
    assert_eq!(spans.len(), finished.spans());
    assert_eq!(
        Some(spans[3].id),
        request.trace.map(|trace| trace.component)
    );
    spans
}

fn tags(span: &Span) -> Vec<(&str, Tag)> {
    span.tags
        .iter()
        .map(|(name, value)| (name.as_ref(), value.clone()))
        .collect()
}

#[test]
fn a_request_has_a_span_with_a_child_for_each_stage() {
    let spans = spans(&REST, &[("x-request-id", "r1")], code(200, false));
    let root = &spans[0];
    assert_eq!(
        (root.name, root.parent, root.has_failed),
        ("Predict", None, false)
    );
    let text = |text: &'static str| Tag::from(text);
    assert_eq!(
        tags(root),
        [
            ("component", text("rest")),
            ("http.method", text("POST")),
            ("http.url", text("http://localhost:9000/predict")),
            ("http.status_code", Tag::Int(200)),
            ("peer.ipv4", text("10.0.0.7")),
            ("peer.port", Tag::Int(4321)),
            ("request_id", text("r1")),
            ("sampler.type", text("probabilistic")),
            ("sampler.param", Tag::Float(0.5)),
            ("team", text("blue")),
        ]
    );
    let children: Vec<_> = spans[1..]
        .iter()
        .map(|span| {
            assert_eq!(span.trace_id, root.trace_id);
            assert_eq!(span.parent, Some(Parent::Local(root.id)));
            assert_eq!(tags(span), [("team", text("blue"))]);
            let since = span.start.duration_since(root.start).unwrap();
            (span.name, since.as_micros(), span.took.as_micros())
        })
        .collect();
    assert_eq!(
        children,
        [
            ("decode", 1, 1),
            ("queue", 2, 2),
            ("component", 4, 4),
            ("encode", 8, 1)
        ]
    );
}

#[test]
fn a_callers_span_is_the_parent_and_a_fault_is_an_error() {
    let spans = spans(&GRPC, &[("uber-trace-id", "a:b:0:1")], code(14, true));
    let root = &spans[0];
    assert_eq!(
        (root.trace_id, root.parent, root.has_failed),
        (0xa, Some(Parent::Remote(0xb)), true)
    );
    let names: Vec<&str> = root.tags.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "component",
            "rpc.grpc.status_code",
            "peer.ipv4",
            "peer.port",
            "request_id",
            "team"
        ]
    );
    assert_eq!(root.tags[1].1, Tag::Int(14));
}

#[test]
fn the_caller_decides_or_else_the_sampler() {
    let with = |sampler, follows_caller| {
        let mut config = config(unreachable_backend());
        config.sampling = Sampling {
            sampler,
            follows_caller,
        };
        let tracer = Arc::new(Tracer::start(&config).unwrap());
        move |given: &[(&str, &str)]| {
            let guard = begin(&observers(&tracer), &REST, given);
            let trace = guard.request().trace.unwrap();
            assert_ne!((trace.trace_id, trace.span, trace.component), (0, 0, 0));
            assert_eq!(guard.request().info.is_some(), trace.sampled);
            (trace.parent, trace.sampled)
        }
    };
    let (yes, no) = (
        [("uber-trace-id", "a:b:0:1")],
        [("uber-trace-id", "a:b:0:0")],
    );
    let never = with(Sampler::Const(false), true);
    assert_eq!(never(&yes), (Some(0xb), true));
    assert_eq!(never(&no), (Some(0xb), false));
    assert_eq!(never(&[]), (None, false));
    assert_eq!(never(&[("b3", "1")]), (None, true));
    let always = with(Sampler::Const(true), false);
    assert_eq!(always(&no), (Some(0xb), true));
    let undecided = [("b3", "000000000000000a-000000000000000c")];
    assert_eq!(
        with(Sampler::Const(true), true)(&undecided),
        (Some(0xc), true)
    );
    // The first valid context counts.
    let broken = [("uber-trace-id", "x"), undecided[0]];
    assert_eq!(
        with(Sampler::Const(false), true)(&broken),
        (Some(0xc), false)
    );
    assert_eq!(never(&[yes[0], undecided[0]]), (Some(0xb), true));
}

#[test]
fn spans_for_an_unreachable_backend_are_dropped_and_counted() {
    const REQUESTS: u64 = 20_000;
    let mut config = config(unreachable_backend());
    config.limits.queue = 100;
    config.limits.batch = 50;
    config.limits.delay = Duration::from_millis(100);
    let tracer = Arc::new(Tracer::start(&config).unwrap());
    let observers = observers(&tracer);
    let started = Instant::now();
    for _ in 0..REQUESTS {
        request(&observers, &REST, &[], code(200, false));
    }
    // All exports, each with its delay, take 200 s: requests do not wait for them.
    let took = started.elapsed();
    assert!(took < TIMEOUT, "{took:?}");
    tracer.stop(Duration::from_millis(500));
    let total = || counts(&tracer).values().sum::<u64>();
    wait_for("all spans are counted", || total() == REQUESTS * 5);
    let counts = counts(&tracer);
    assert!(counts["queue_full"] > REQUESTS, "{counts:?}");
    #[cfg(feature = "otlp")]
    assert_eq!(counts["exported"], 0, "{counts:?}");
}
