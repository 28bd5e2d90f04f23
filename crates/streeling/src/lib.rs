//! Streeling as a library: the glue between settings, component and transports.
//!
//! [`Server`] puts together what the Cargo features chose; the binary is a thin `main` over it. A
//! component in Rust is served by handing it to [`Server::with_component`]; without one, the
//! Python class that the settings name is served.
//!
//! No decision is made here that another crate can make: what a route returns is up to
//! `streeling-rest`, what a setting means to `streeling-config`, how a worker lives to
//! `streeling-python`.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod backend;
#[cfg(feature = "python")]
mod check;
mod control;
mod error;
mod features;
mod health;
mod init;
#[cfg(feature = "python")]
mod layout;
mod log;
mod observability;
mod pidfile;
#[cfg(feature = "python")]
mod pools;
mod ports;
#[cfg(feature = "metrics")]
mod probes;
#[cfg(feature = "python")]
mod reconciler;
mod resources;
mod server;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod traces;
#[cfg(feature = "python")]
mod watch;

#[cfg(feature = "python")]
pub use check::Report;
pub use control::{Control, Controller, controller, on_signals};
pub use error::ServeError;
pub use features::FEATURES;
pub use init::first_process;
pub use log::init as init_log;
pub use pidfile::PidfileError;
pub use server::Server;
#[cfg(feature = "tools")]
pub use streeling_compare::{TOOLS, tool};
pub use streeling_config as config;
pub use streeling_core as core;
pub use streeling_tracing::LogGuard;
