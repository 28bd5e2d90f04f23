//! What a server writes down about itself: the log, the access log, and traces.
//!
//! No transport is known here, and neither are settings or Python.

// Without an exporter there is nobody to trace for.
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod trace;

#[cfg(feature = "jaeger")]
pub use trace::Agent;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
pub use trace::{Backend, Carrier, Limits, Sampler, Sampling, StartError, Tracer, TracerConfig};
#[cfg(feature = "otlp")]
pub use trace::{Collector, Protocol};
