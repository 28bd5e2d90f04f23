//! What a server writes down about itself: the log, the access log, and traces.
//!
//! No transport is known here, and neither are settings or Python.

mod access;
mod log;
mod sink;
// Without an exporter there is nobody to trace for.
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod trace;

pub use access::AccessLog;
pub use log::{LogConfig, LogFormat, LogGuard, flush_log, init_log, log_figures};
#[cfg(feature = "jaeger")]
pub use trace::Agent;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
pub use trace::{Backend, Carrier, Limits, Sampler, Sampling, StartError, Tracer, TracerConfig};
#[cfg(feature = "otlp")]
pub use trace::{Collector, Protocol};
pub use tracing::level_filters::LevelFilter;
