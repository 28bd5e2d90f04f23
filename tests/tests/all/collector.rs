//! A receiver of traces, `tests/collector.py`, and the spans that it received.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value};
use streeling_testkit::{Server, ServerCommand, Signal};

use crate::support::{TIMEOUT, made_by_xtask, root};

/// A Python that reads both protocols.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    made_by_xtask(
        "STREELING_TEST_COLLECTOR",
        "target/venv/collector/bin/python",
        "a Python with the classes of Jaeger and OTLP",
    )
});

/// A span as it was received. Times are in microseconds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) via: String,
    pub(crate) service: String,
    /// The attributes of the process: Jaeger's tags, OTLP's resource.
    pub(crate) process: Map<String, Value>,
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    /// Empty for none.
    pub(crate) parent_id: String,
    pub(crate) kind: String,
    #[serde(rename = "start_us")]
    pub(crate) start: u64,
    #[serde(rename = "duration_us")]
    pub(crate) duration: u64,
    pub(crate) tags: Map<String, Value>,
    pub(crate) error: bool,
}

impl Span {
    /// A tag as text, whatever its type; empty for none.
    pub(crate) fn tag(&self, name: &str) -> String {
        match self.tags.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether it lies within another one, in time. Both ends are rounded, by a microsecond each.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.start + 1 >= other.start
            && self.start + self.duration <= other.start + other.duration + 2
    }
}

#[derive(Deserialize)]
struct Ports {
    jaeger: u16,
    grpc: u16,
    http: u16,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Span(Box<Span>),
    Refused { refused: String, why: String },
}

#[derive(Default)]
struct Got {
    spans: Vec<Span>,
    /// Fences that were received, in hexadecimal.
    fences: Vec<String>,
    /// Datagrams and requests that were no batch of spans.
    garbage: Vec<String>,
}

/// A receiver that runs. Dropping it ends it.
pub(crate) struct Collector {
    child: Child,
    /// Closed when this ends, even if the test is killed; then the receiver ends too.
    _input: ChildStdin,
    ports: Ports,
    got: Arc<(Mutex<Got>, Condvar)>,
    fences: AtomicUsize,
}

/// The start of a datagram that only marks a point in the stream.
const FENCE: &str = "fence ";

impl Collector {
    /// A receiver that accepts everything.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A receiver with arguments: `--fail`, `--slow SECONDS`, `--tls CERTIFICATE KEY AUTHORITY`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(&*PYTHON)
            .arg(root().join("tests/collector.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let ports = serde_json::from_str(&first).expect("a collector that starts says its ports");
        let got: Arc<(Mutex<Got>, Condvar)> = Arc::default();
        let writer = Arc::clone(&got);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let mut got = writer.0.lock().unwrap();
                match serde_json::from_str(&line) {
                    Ok(Line::Span(span)) => got.spans.push(*span),
                    Ok(Line::Refused { refused, .. }) if refused.starts_with(&hex(FENCE)) => {
                        got.fences.push(refused);
                    }
                    Ok(Line::Refused { refused, why }) => {
                        got.garbage.push(format!("{why}: {refused}"));
                    }
                    Err(error) => got.garbage.push(format!("{error}: {line}")),
                }
                writer.1.notify_all();
            }
        });
        Self {
            child,
            _input: input,
            ports,
            got,
            fences: AtomicUsize::new(0),
        }
    }

    /// Points a server's Jaeger client here, and switches tracing on.
    pub(crate) fn by_jaeger(&self, server: ServerCommand) -> ServerCommand {
        server
            .env("TRACING", "1")
            .env("JAEGER_AGENT_HOST", "127.0.0.1")
            .env("JAEGER_AGENT_PORT", self.ports.jaeger.to_string())
    }

    /// The same by OTLP over gRPC.
    pub(crate) fn by_grpc(&self, server: ServerCommand) -> ServerCommand {
        server
            .env("TRACING", "1")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint(self.ports.grpc))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    }

    /// The same by OTLP over HTTP.
    pub(crate) fn by_http(&self, server: ServerCommand) -> ServerCommand {
        server
            .env("TRACING", "1")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint(self.ports.http))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    }

    /// Each protocol of OTLP with the URL of a receiver that was started with `--tls`.
    pub(crate) fn with_tls(&self) -> [(&'static str, String); 2] {
        let url = |port| endpoint(port).replace("http:", "https:");
        [
            ("grpc", url(self.ports.grpc)),
            ("http/protobuf", url(self.ports.http)),
        ]
    }

    /// The address of OTLP over HTTP for traces alone.
    pub(crate) fn http_traces(&self) -> String {
        format!("{}/v1/traces", endpoint(self.ports.http))
    }

    /// Waits for a span for which `is` holds.
    pub(crate) fn wait_for(&self, what: &str, is: impl Fn(&Span) -> bool) -> Span {
        self.wait_for_some(1, what, is).remove(0)
    }

    /// Waits for so many such spans.
    pub(crate) fn wait_for_some(
        &self,
        count: usize,
        what: &str,
        is: impl Fn(&Span) -> bool,
    ) -> Vec<Span> {
        let found = |got: &Got| -> Vec<Span> {
            got.spans.iter().filter(|span| is(span)).cloned().collect()
        };
        let got = self.wait(|got| found(got).len() < count);
        let all = found(&got);
        assert!(
            all.len() >= count,
            "{} of {count} {what} in {:#?}; and {:?}",
            all.len(),
            got.spans,
            got.garbage
        );
        all
    }

    /// Waits until a span has so many children; the first to start comes first.
    pub(crate) fn children(&self, count: usize, of: &Span) -> Vec<Span> {
        let what = format!("children of {}", of.name);
        let mut children = self.wait_for_some(count, &what, |span| span.parent_id == of.span_id);
        children.sort_by_key(|span| span.start);
        children
    }

    /// Stops a server, which sends its last spans as it stops; returns all spans received so far.
    pub(crate) fn spans_after(&self, mut server: Server) -> Vec<Span> {
        server.signal(Signal::TERM).unwrap();
        server.wait(TIMEOUT).unwrap();
        self.spans()
    }

    /// All spans that have been sent so far. Nothing else may have been received.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let fence = format!("{FENCE}{}.", self.fences.fetch_add(1, Ordering::Relaxed));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let agent = (Ipv4Addr::LOCALHOST, self.ports.jaeger);
        socket.send_to(fence.as_bytes(), agent).unwrap();
        let fence = hex(&fence);
        let got = self.wait(|got| !got.fences.contains(&fence));
        assert!(got.fences.contains(&fence), "the collector reads no more");
        assert!(got.garbage.is_empty(), "{:?}", got.garbage);
        got.spans.clone()
    }

    fn wait(&self, while_: impl Fn(&Got) -> bool) -> std::sync::MutexGuard<'_, Got> {
        let got = self.got.0.lock().unwrap();
        let waited = self
            .got
            .1
            .wait_timeout_while(got, TIMEOUT, |got| while_(got));
        waited.unwrap().0
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The spans of one name.
pub(crate) fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_fence_is_not_mixed_up_with_other_garbage() {
    let collector = Collector::start();
    assert!(collector.spans().is_empty());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let agent = (Ipv4Addr::LOCALHOST, collector.ports.jaeger);
    socket.send_to(b"nonsense", agent).unwrap();
    let got = collector.wait(|got| got.garbage.is_empty());
    assert!(
        got.garbage[0].contains(&hex("nonsense")),
        "{:?}",
        got.garbage
    );
}
