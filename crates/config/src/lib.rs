//! The settings: flags, environment variables and pod annotations, read once, checked.
//!
//! [`Settings::load`] is the whole of it. One static table (see [`Key`]) lists every setting; the
//! command line, the reading of the environment, `--help` and the reference page
//! ([`docs::reference`]) all come from that table, so that they cannot disagree. What the user
//! typed stays inside; what comes out is typed, and nothing that starts after it has to look at a
//! flag, a variable or a string again.
//!
//! Precedence is command line, then environment, then (for deadlines) the annotation, then
//! default; the annotation for the size of a gRPC message overrides the general limit. A value that
//! cannot be used is a [`ConfigError`] of one line, before any port is bound.
//!
//! Lives elsewhere on purpose: binding ports, finding the interpreter on `PATH`, reading the YAML
//! in `MODEL_METADATA`, and printing. This crate knows no transport, no Python and none of its
//! sibling crates.

mod annotations;
mod args;
pub mod docs;
mod environment;
mod error;
mod interface;
mod key;
mod load;
pub mod names;
mod parameters;
mod row;
mod rows;
mod settings;
mod tracing;
mod value;
mod values;

pub use annotations::{Annotations, PODINFO_ANNOTATIONS};
pub use environment::Environment;
pub use error::{ConfigError, Invalid, Warning};
pub use interface::InterfaceName;
pub use key::Key;
pub use load::Loaded;
pub use parameters::{ParameterValue, Parameters};
pub use settings::{
    Features, Grpc, Identity, Log, LogFormat, LogLevel, Metrics, Python, Rest, ServiceType,
    Settings, WorkerPool, Workers,
};
pub use tracing::{
    JaegerAgent, OtlpCollector, OtlpProtocol, Propagator, Sampler, Sampling, SpanLimits,
    TraceExporter, Tracing,
};

#[cfg(test)]
mod tests;
