//! Streeling as a library: the glue between settings, component and transports.
//!
//! [`Server`] puts the parts together that the features chose; the binary is a thin `main` over
//! it. A component in Rust is served by handing it to [`Server::with_component`]; without one, the
//! Python class that the settings name is served.
//!
//! Nothing is decided here that a part could decide: what a route answers is `streeling-rest`'s
//! matter, what a setting means `streeling-config`'s, how a worker lives `streeling-python`'s.

#[cfg(feature = "python")]
mod check;
mod control;
mod health;
mod init;
mod log;
mod pidfile;
mod ports;
#[cfg(feature = "metrics")]
mod probes;
#[cfg(feature = "python")]
mod python;
mod server;
mod told;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod traces;
#[cfg(feature = "python")]
mod upkeep;
#[cfg(feature = "python")]
mod watch;

/// The parts that the features put into this build.
pub const PARTS: config::Features = config::Features {
    rest: cfg!(feature = "rest"),
    grpc: cfg!(feature = "grpc"),
    metrics: cfg!(feature = "metrics"),
    jaeger: cfg!(feature = "jaeger"),
    otlp: cfg!(feature = "otlp"),
};

#[cfg(feature = "python")]
pub use check::Report;
pub use control::{Control, Controller, controller, on_signals};
pub use init::first_process;
pub use log::init as init_log;
pub use pidfile::PidfileError;
pub use server::{ServeError, Server};
pub use streeling_config as config;
pub use streeling_core as core;
pub use streeling_tracing::LogGuard;
