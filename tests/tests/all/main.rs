//! The server as its users meet it: the executable, a Python interpreter, requests over TCP.
//!
//! Each test starts servers of its own on ports of the system's choosing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stderr,
    reason = "a test that measures says what it found"
)]

mod access;
mod awaits;
mod budget;
mod budget_grpc;
mod builds;
mod certificates;
mod chaos;
mod check;
mod children;
mod clients;
mod collector;
mod concurrency;
mod conformance;
mod connections;
mod debug;
mod dropped_spans;
mod examples;
mod first_process;
mod forensics;
mod graphs;
mod grpc_client;
mod health;
mod inside;
mod limits;
mod load;
mod logs;
mod manifests;
mod memory;
mod metrics;
mod model_servers;
mod native;
mod oip;
mod oip_recorded;
mod onnx;
mod operator;
mod page;
mod parity;
mod passthrough;
mod pidfile;
mod processes;
mod prometheus;
mod raw;
mod recovery;
mod reflection;
mod refusals;
mod requests;
mod sampling;
mod scrapes;
mod server_metrics;
mod service;
mod settings;
mod signals;
mod starts;
mod support;
mod surprise;
#[cfg(target_os = "linux")]
mod template;
mod texts;
mod tls;
mod tls_files;
mod token;
mod tools;
mod trace_exports;
mod traces;
mod workers;
