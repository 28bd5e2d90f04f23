use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::otlp::without_secrets;

/// Tracing, which is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// Where spans go.
    pub exporter: TraceExporter,
    /// What this server is called in traces.
    pub service: String,
    /// What else is said of this server.
    pub resource: BTreeMap<String, String>,
    /// Tags of every span.
    pub tags: Vec<(String, String)>,
    /// Which requests are traced.
    pub sampling: Sampling,
    /// Which headers bring a caller's trace; the first that has one counts.
    pub propagators: Vec<Propagator>,
    /// What waits for the exporter.
    pub limits: SpanLimits,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceExporter {
    /// To a Jaeger agent.
    Jaeger(JaegerAgent),
    /// To a collector by OTLP.
    Otlp(OtlpCollector),
}

/// A Jaeger agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JaegerAgent {
    /// A name or an address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// A collector that speaks OTLP. Its `Debug` shows no secrets: of headers, the names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpCollector {
    /// How to speak to it.
    pub protocol: OtlpProtocol,
    /// The whole URL, which starts with `http://`; for HTTP with its path.
    pub endpoint: String,
    /// Headers, or metadata, of every export.
    pub headers: Vec<(String, String)>,
    /// What one try may take, and after which no other try of an export begins.
    pub timeout: Duration,
    /// Whether exports are packed by gzip.
    pub gzip: bool,
}

impl fmt::Debug for OtlpCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpCollector")
            .field("protocol", &self.protocol)
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .finish()
    }
}

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    HttpProtobuf,
}

/// Which requests are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Decides about requests whose caller has not.
    pub sampler: Sampler,
    /// Whether the caller's decision counts.
    pub follows_caller: bool,
}

/// A rule that chooses requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// All, or none.
    Const(bool),
    /// This part of them, from 0 to 1.
    Probabilistic(f64),
    /// So many a second.
    RateLimiting(f64),
}

/// Headers that bring a caller's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// `uber-trace-id`.
    Jaeger,
    /// `traceparent`.
    TraceContext,
    /// `b3`, or `x-b3-traceid` and its like.
    B3,
}

/// What waits for the exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// Spans that may wait.
    pub queue: usize,
    /// Spans of one export, not above `queue`.
    pub batch: usize,
    /// The longest that a span waits for others.
    pub delay: Duration,
    /// What one export may take, with all its tries.
    pub timeout: Duration,
}

impl Propagator {
    /// The word that Jaeger's clients know it by.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "jaeger" => Some(Self::Jaeger),
            "w3c" => Some(Self::TraceContext),
            "b3" => Some(Self::B3),
            _ => None,
        }
    }
}
