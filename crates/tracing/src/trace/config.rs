//! What a tracer is told.

#[cfg(feature = "otlp")]
use std::fmt;
use std::time::Duration;

use super::carrier::Carrier;
use super::sampler::Sampler;

/// What a [`Tracer`](super::Tracer) is told.
#[derive(Clone, Debug, PartialEq)]
pub struct TracerConfig {
    /// Where spans go.
    pub backend: Backend,
    /// What this server is called in traces.
    pub service: String,
    /// What else is said of this server: Jaeger's process tags, OpenTelemetry's resource attributes.
    pub resource: Vec<(String, String)>,
    /// Tags of every span.
    pub tags: Vec<(String, String)>,
    /// Which requests are recorded.
    pub sampling: Sampling,
    /// Which headers bring a caller's trace; the first that has one counts.
    pub carriers: Vec<Carrier>,
    /// How much waits, and how long.
    pub limits: Limits,
}

/// Who takes the spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    /// A Jaeger agent.
    #[cfg(feature = "jaeger")]
    Jaeger(Agent),
    /// An OpenTelemetry collector, or whatever else speaks OTLP.
    #[cfg(feature = "otlp")]
    Otlp(Collector),
}

/// A Jaeger agent: Thrift's compact protocol, over UDP.
#[cfg(feature = "jaeger")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// A name or an address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// A collector that speaks OTLP. Its `Debug` shows no secrets: of headers, the names alone.
#[cfg(feature = "otlp")]
#[derive(Clone, PartialEq)]
pub struct Collector {
    /// How to speak to it.
    pub protocol: Protocol,
    /// The whole URL, which starts with `http://`; for HTTP with its path.
    pub endpoint: String,
    /// Headers, or metadata, of every export.
    pub headers: Vec<(String, String)>,
    /// What one try may take, and after which no other try of an export begins.
    pub timeout: Duration,
    /// Whether exports are packed by gzip.
    pub gzip: bool,
}

#[cfg(feature = "otlp")]
impl Collector {
    /// The endpoint for a log: user, password and query open doors.
    pub(super) fn shown(&self) -> String {
        let (scheme, rest) = self.endpoint.split_once("://").unwrap_or_default();
        let place = rest.split(['?', '#']).next().unwrap_or_default();
        let place = place.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{place}")
    }
}

#[cfg(feature = "otlp")]
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Collector")
            .field("protocol", &self.protocol)
            .field("endpoint", &self.shown())
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .finish()
    }
}

/// How OTLP is spoken.
#[cfg(feature = "otlp")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP/1.1.
    HttpProtobuf,
}

/// Which requests are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Decides about requests whose caller has not.
    pub sampler: Sampler,
    /// Whether the caller's decision counts.
    pub follows_caller: bool,
}

/// How much waits for the backend, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Spans that may wait; what comes on top is dropped and counted.
    pub queue: usize,
    /// Spans of one export.
    pub batch: usize,
    /// The longest that a span waits for others.
    pub delay: Duration,
    /// What one export may take, with all its tries.
    pub timeout: Duration,
}

impl Default for Limits {
    /// OpenTelemetry's numbers, with Jaeger's delay.
    fn default() -> Self {
        Self {
            queue: 2048,
            batch: 512,
            delay: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
        }
    }
}
