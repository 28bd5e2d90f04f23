//! Observability that is written or sent: the log, the access log, what components print, and
//! traces.
//!
//! Transports, settings and Python are unknown here.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod access;
mod component;
mod log;
mod sink;
mod streams;
mod text;
// Traces need an exporter.
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod trace;

pub use access::AccessLog;
pub use component::ComponentLines;
pub use log::{LogConfig, LogFormat, LogGuard, init_log};
pub use streams::{flush_streams, stream_metric_source};
#[cfg(feature = "jaeger")]
pub use trace::Agent;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
pub use trace::{Backend, Carrier, Limits, Sampler, Sampling, StartError, Tracer, TracerConfig};
#[cfg(feature = "otlp")]
pub use trace::{Collector, CollectorTls, Protocol};
pub use tracing::level_filters::LevelFilter;
