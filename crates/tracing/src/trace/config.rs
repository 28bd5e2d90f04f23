//! The configuration of a tracer.

#[cfg(feature = "otlp")]
use std::fmt;
#[cfg(feature = "otlp")]
use std::path::PathBuf;
use std::time::Duration;

use super::carrier::Carrier;
use super::sampler::Sampler;

/// Configuration of a [`Tracer`](crate::Tracer).
#[derive(Clone, Debug, PartialEq)]
pub struct TracerConfig {
    /// Where spans are sent.
    pub backend: Backend,
    /// The name of this server in traces.
    pub service: String,
    /// Further attributes of this server: Jaeger's process tags, OpenTelemetry's resource
    /// attributes.
    pub resource: Vec<(String, String)>,
    /// Tags of every span.
    pub tags: Vec<(String, String)>,
    /// Which requests are recorded.
    pub sampling: Sampling,
    /// The formats of a caller's trace context; the first that is found counts.
    pub carriers: Vec<Carrier>,
    /// Limits of the queue and of exports.
    pub limits: Limits,
}

/// Where spans are sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    /// A Jaeger agent.
    #[cfg(feature = "jaeger")]
    Jaeger(Agent),
    /// An OpenTelemetry collector, or any other server that accepts OTLP.
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

/// A collector that accepts OTLP. Its `Debug` shows no secrets: only the names of headers.
#[cfg(feature = "otlp")]
#[derive(Clone, PartialEq)]
pub struct Collector {
    /// The protocol it accepts.
    pub protocol: Protocol,
    /// The whole URL, which starts with `http://`, or with `https://` where the feature `tls` is
    /// there; for HTTP with its path.
    pub endpoint: String,
    /// Headers, or metadata, of every export.
    pub headers: Vec<(String, String)>,
    /// The timeout of one attempt, after which no further attempt of an export is started.
    pub timeout: Duration,
    /// Whether exports are compressed with gzip.
    pub gzip: bool,
    /// What counts where the URL starts with `https://`.
    pub tls: CollectorTls,
}

/// TLS with a collector. The files are read at the start.
#[cfg(feature = "otlp")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorTls {
    /// Authorities of the collector, in PEM; `None`: those of the system.
    pub authorities: Option<PathBuf>,
    /// The certificate of this client and its key, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

#[cfg(feature = "otlp")]
impl Collector {
    /// Whether it is spoken to over TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.endpoint.starts_with("https:")
    }

    /// The endpoint for the log, without user, password and query, which may be secrets.
    pub(super) fn redacted_endpoint(&self) -> String {
        let (scheme, rest) = self.endpoint.split_once("://").unwrap_or_default();
        let authority_and_path = rest.split(['?', '#']).next().unwrap_or_default();
        let authority_and_path = authority_and_path.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{authority_and_path}")
    }
}

#[cfg(feature = "otlp")]
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Collector")
            .field("protocol", &self.protocol)
            .field("endpoint", &self.redacted_endpoint())
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("tls", &self.tls)
            .finish()
    }
}

/// A protocol of OTLP.
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
    /// Decides where the caller has not.
    pub sampler: Sampler,
    /// Whether the caller's decision counts.
    pub follows_caller: bool,
}

/// Limits of the queue and of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Spans that may wait; further ones are dropped and counted.
    pub queue: usize,
    /// Most spans of one export.
    pub batch: usize,
    /// The longest that a span waits for others.
    pub delay: Duration,
    /// The timeout of one export, with all its attempts.
    pub timeout: Duration,
}

impl Default for Limits {
    /// OpenTelemetry's defaults, with Jaeger's delay.
    fn default() -> Self {
        Self {
            queue: 2048,
            batch: 512,
            delay: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
        }
    }
}
