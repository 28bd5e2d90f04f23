//! What operators look at, on a port of its own: the probes `/live` and `/ready`, and what Prometheus
//! scrapes.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] answers until it
//! is told to stop. The port is meant to be open from the first second of the process to its last.
//! Whether the server is ready, whoever puts it together knows and says in [`Ready`]. A [`Registry`]
//! is what observes requests and is told of components' metrics; a scrape reads it, and the [`Figures`](streeling_core::Figures) of
//! other parts, and never enters a worker.
//!
//! No transport is known here, and neither are settings or Python. The server's own counts are kept by the crate
//! prometheus; components' families by hand (`store.rs`), since their names and tags come as components report
//! them, and the tags of one name may differ from call to call, which that crate refuses.

mod bind;
mod histogram;
mod labels;
mod pages;
mod process;
mod registry;
mod requests;
mod serve;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use bind::{Bound, Listening, bind};
pub use labels::Identity;
pub use pages::{Pages, Readiness, Ready};
pub use process::WorkerProcess;
pub use registry::{Processes, Registry};
pub use streeling_net::{BindError, Drained};
