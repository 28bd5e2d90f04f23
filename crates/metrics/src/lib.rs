//! Health probes and metrics, on a port of their own: `/live`, `/ready`, and the scrape for
//! Prometheus.
//!
//! [`Pages`] handle the connections of the port, which `streeling-net` accepts. The port is meant
//! to be open for the whole life of the process. Whether the server is ready is decided by its
//! caller, in [`Ready`]. A [`Registry`] observes requests and receives the metrics of components; a
//! scrape reads it and the [`MetricSource`](streeling_core::MetricSource) of other parts, and never
//! enters a worker.
//!
//! Transports, settings and Python are unknown here. Whatever a scrape shows is a family of series
//! (`family.rs`), and one writer (`text.rs`) knows both formats. There are three feeds: what
//! components report (`store.rs`), requests (`requests.rs`), and the samples of sources
//! (`sampled.rs`). The histogram of them all is that of the crate prometheus (`histogram.rs`).

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod family;
mod histogram;
mod labels;
mod names;
mod pages;
mod process;
mod registry;
mod requests;
mod sampled;
mod series_key;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod transports;

pub use labels::Identity;
pub use pages::{Pages, Readiness, Ready, RequestsPage};
pub use process::WorkerProcess;
pub use registry::{Registry, WorkerProcesses};
pub use requests::MethodSummary;
