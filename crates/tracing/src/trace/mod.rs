//! Traces: which requests are recorded, and where the spans go.
//!
//! When a request's head arrives, `carrier` reads the caller's context and `sampler` decides. When
//! the request has finished, `record` keeps a `Finished`, which waits in `queue` for the thread of
//! `sender`. That thread makes spans of it and passes them to an exporter, which implements
//! `export` with an opentelemetry crate: `jaeger` with an old one, `otlp` with the current one.

mod carrier;
mod config;
mod export;
#[cfg(feature = "jaeger")]
mod jaeger;
#[cfg(feature = "otlp")]
mod otlp;
mod queue;
mod record;
mod sampler;
mod sender;
#[cfg(all(feature = "otlp", feature = "tls"))]
mod tls;
mod tracer;

pub use carrier::Carrier;
#[cfg(feature = "jaeger")]
pub use config::Agent;
pub use config::{Backend, Limits, Sampling, TracerConfig};
#[cfg(feature = "otlp")]
pub use config::{Collector, CollectorTls, Protocol};
pub use export::StartError;
pub use sampler::Sampler;
pub use tracer::Tracer;

#[cfg(test)]
mod tests;
