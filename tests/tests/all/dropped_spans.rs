//! A backend that is down, slow or refuses: requests do not suffer, and lost spans are counted.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use streeling_testkit::{Request, Server, ServerCommand, Signal};

use crate::collector::Collector;
use crate::support::{TIMEOUT, command};
use crate::traces::predicted;

/// An export may retry for half a minute before it gives up.
const LONG: Duration = Duration::from_secs(90);

/// `Scripted`, with short timeouts for the exporters that follow OpenTelemetry's variables.
fn hasty() -> ServerCommand {
    command("Scripted")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")
        .env("OTEL_BSP_EXPORT_TIMEOUT", "2000")
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
}

/// Spans dropped so far for a reason.
fn dropped(server: &Server, reason: &str) -> f64 {
    let response = Request::get("/metrics").send(server.metrics_address(), TIMEOUT);
    let text = String::from_utf8(response.unwrap().body).unwrap();
    let start = format!("streeling_spans_dropped_total{{reason=\"{reason}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&start));
    value.map_or(0.0, |value| value.parse().unwrap())
}

/// Sends requests, which must all succeed, until spans were dropped for `reason`, twice.
fn request_until_dropped(server: &Server, reason: &str) {
    let since = Instant::now();
    let mut before = 0.0;
    for _ in 0..2 {
        loop {
            for _ in 0..50 {
                predicted(server, &[]);
            }
            let now = dropped(server, reason);
            if now > before {
                before = now;
                break;
            }
            assert!(since.elapsed() < LONG, "nothing dropped for {reason}");
        }
    }
}

/// The server ends in time, even if its last spans are not accepted.
fn ends(mut server: Server) {
    server.signal(Signal::TERM).unwrap();
    server.wait(TIMEOUT).unwrap();
}

/// A port without a listener, unless another program happens to get it.
fn closed() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The same of UDP.
fn closed_udp() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

#[test]
fn a_collector_that_is_down() {
    for protocol in ["grpc", "http/protobuf"] {
        let endpoint = format!("http://127.0.0.1:{}", closed());
        let server = hasty()
            .env("TRACING", "1")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .start()
            .unwrap();
        request_until_dropped(&server, "export_failed");
        ends(server);
    }
}

#[test]
fn an_agent_that_is_down() {
    let server = hasty()
        .env("TRACING", "1")
        .env("JAEGER_AGENT_HOST", "127.0.0.1")
        .env("JAEGER_AGENT_PORT", closed_udp().to_string())
        .start()
        .unwrap();
    // Whether there is a listener, the system says of some addresses only.
    request_until_dropped(&server, "export_failed");
    ends(server);
}

#[test]
fn an_agent_whose_name_does_not_exist() {
    let server = hasty()
        .env("TRACING", "1")
        // Too long for a name in DNS, so that no server is queried for it.
        .env("JAEGER_AGENT_HOST", format!("{}.invalid", "x".repeat(64)))
        .start()
        .unwrap();
    for _ in 0..50 {
        predicted(&server, &[]);
    }
    ends(server);
}

#[test]
fn a_collector_that_refuses() {
    let collector = Collector::start_with(&["--fail"]);
    for by in [Collector::by_grpc, Collector::by_http] {
        let server = by(&collector, hasty()).start().unwrap();
        request_until_dropped(&server, "export_failed");
        ends(server);
    }
    assert!(collector.spans().is_empty());
}

#[test]
fn a_collector_that_is_slow() {
    let collector = Collector::start_with(&["--slow", "600"]);
    for by in [Collector::by_grpc, Collector::by_http] {
        // The first export waits for longer than a test: a request that waited for it would not
        // end, and spans that are recorded meanwhile find the queue full.
        let server = by(&collector, command("Scripted"))
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")
            .env("OTEL_BSP_EXPORT_TIMEOUT", "600000")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "600")
            .env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100")
            .start()
            .unwrap();
        request_until_dropped(&server, "queue_full");
        ends(server);
    }
}
