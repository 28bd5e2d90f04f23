//! The settings: flags, environment variables and pod annotations, read once, checked.
//!
//! [`Settings::load`] is the whole of it. One row (`row.rs`) is one setting, with all there is to
//! know about it: flag, variables, default, type, bounds, where its value goes, and what both
//! reference pages say. The rows lie in `settings/`, a file for each part of the server, beside the
//! structs that they write to. The command line, the reading of the environment, `--help` and the
//! pages ([`docs::reference`]) all come from the rows, so that they cannot disagree. What comes out
//! is typed, and nothing that starts after it has to look at a flag, a variable or a string again.
//!
//! Precedence is command line, then environment, then (for deadlines) the annotation, then
//! default; the annotation for the size of a gRPC message overrides the general limit. A value that
//! cannot be used is a [`ConfigError`] of one line, before any port is bound.
//!
//! Lives elsewhere on purpose: binding ports, finding the interpreter on `PATH`, reading the YAML
//! in `MODEL_METADATA`, and printing. This crate knows no transport, no Python and none of its
//! sibling crates.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod annotations;
mod args;
mod context;
pub mod docs;
mod draft;
mod environment;
mod error;
mod examples;
mod features;
mod interface;
mod kind;
mod language;
mod load;
mod parameters;
mod read;
mod row;
mod settings;
mod sources;
mod tracing;

pub use annotations::{Annotations, PODINFO_ANNOTATIONS};
pub use environment::Environment;
pub use error::{ConfigError, Invalid, Warning};
pub use examples::examples;
pub use features::Features;
pub use interface::{ComponentName, InterfaceName};
pub use kind::Secret;
pub use language::Language;
pub use load::Loaded;
pub use parameters::{ParameterValue, Parameters};
pub use settings::{
    Component, Defaults, Deployment, Development, Grpc, Identity, Limits, Listen, LoadIn, Log,
    LogFormat, LogLevel, Metrics, Python, Recovery, Rest, Security, ServiceType, Settings, Tls,
    TlsVersion, TokenSource, WorkerPool, WorkerStart, Workers,
};
pub use tracing::{
    JaegerAgent, OtlpCollector, OtlpProtocol, OtlpTls, Propagator, Sampler, Sampling, SpanLimits,
    TraceExporter, Tracing,
};

#[cfg(test)]
mod tests;
