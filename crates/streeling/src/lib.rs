//! Streeling as a library: the glue between settings, component and transports.
//!
//! [`serve`] is all of `main` for a component in Rust, with the whole command line; [`command`] is
//! that of the binary. Both are thin over [`Server`], which puts together what the Cargo features
//! chose.
//!
//! No decision is made here that another crate can make: what a route returns is up to
//! `streeling-rest`, what a setting means to `streeling-config`, how a worker lives to
//! `streeling-python`.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
mod access;
mod backend;
mod check;
mod command;
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
mod connections;
mod control;
mod descriptors;
mod error;
mod features;
mod health;
mod init;
mod inside;
mod layout;
mod log;
mod memory;
mod observability;
#[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
mod oip;
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

pub use check::Report;
pub use command::{command, serve};
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
