//! Traces: which requests are recorded, and where the spans go.
//!
//! A request's head is looked at by `carrier` and `sampler`, its end is made into a `Finished` by
//! `record`, which waits in `queue` for the exporter's thread (`export`). Only that thread knows an
//! opentelemetry crate: `jaeger` an old one, `otlp` the current one.

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
mod tracer;

pub use carrier::Carrier;
#[cfg(feature = "jaeger")]
pub use config::Agent;
pub use config::{Backend, Limits, Sampling, TracerConfig};
#[cfg(feature = "otlp")]
pub use config::{Collector, Protocol};
pub use export::StartError;
pub use sampler::Sampler;
pub use tracer::Tracer;

#[cfg(test)]
mod tests;
