//! Health probes and metrics, on a port of their own: `/live`, `/ready`, and the scrape for
//! Prometheus.
//!
//! [`Pages`] handle the connections of the port, which `streeling-net` accepts. The port is meant
//! to be open for the whole life of the process. Whether the server is ready is decided by its
//! caller, in [`Ready`]. A [`Registry`] observes requests and receives the metrics of components; a
//! scrape reads it and the [`MetricSource`](streeling_core::MetricSource) of other parts, and never
//! enters a worker.
//!
//! Transports, settings and Python are unknown here. The server's own metrics of requests are kept
//! by the crate prometheus. Components' families are kept in `store.rs`, because their names and
//! tags are not known beforehand, and because the tags of one name may differ from call to call,
//! which that crate refuses.

mod histogram;
mod labels;
mod names;
mod pages;
mod process;
mod registry;
mod requests;
mod series_key;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use labels::Identity;
pub use pages::{Pages, Readiness, Ready};
pub use process::WorkerProcess;
pub use registry::{Registry, WorkerProcesses};
