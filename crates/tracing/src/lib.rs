//! Observability that is written or sent: the log, the access log, and traces.
//!
//! Transports, settings and Python are unknown here.

mod access;
mod log;
mod sink;
// Traces need an exporter.
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod trace;

pub use access::AccessLog;
pub use log::{LogConfig, LogFormat, LogGuard, flush_log, init_log, log_metric_source};
#[cfg(feature = "jaeger")]
pub use trace::Agent;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
pub use trace::{Backend, Carrier, Limits, Sampler, Sampling, StartError, Tracer, TracerConfig};
#[cfg(feature = "otlp")]
pub use trace::{Collector, Protocol};
pub use tracing::level_filters::LevelFilter;
