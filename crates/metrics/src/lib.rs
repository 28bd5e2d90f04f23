//! Health probes and metrics, on a port of their own: `/live`, `/ready`, and the scrape for
//! Prometheus.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] serves it until
//! shutdown. The port is meant to be open for the whole life of the process. Whether the server is
//! ready is decided by its caller, in [`Ready`]. A [`Registry`] observes requests and receives the
//! metrics of components; a scrape reads it and the [`Figures`](streeling_core::Figures) of other
//! parts, and never enters a worker.
//!
//! Transports, settings and Python are unknown here. The server's own metrics of requests are kept
//! by the crate prometheus. Components' families are kept in `store.rs`, because their names and
//! tags are not known beforehand, and because the tags of one name may differ from call to call,
//! which that crate refuses.

mod bind;
mod histogram;
mod labels;
mod names;
mod pages;
mod process;
mod registry;
mod requests;
mod series_key;
mod serve;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use bind::{Bound, Listening, bind};
pub use labels::Identity;
pub use pages::{Pages, Readiness, Ready};
pub use process::WorkerProcess;
pub use registry::{Registry, WorkerProcesses};
pub use streeling_net::{BindError, Drained};
