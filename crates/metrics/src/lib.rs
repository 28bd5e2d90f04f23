//! What operators look at, on a port of its own: the probes `/live` and `/ready`, and what Prometheus
//! scrapes.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] answers until it
//! is told to stop. The port is meant to be open from the first second of the process to its last.
//! Whether the server is ready, whoever puts it together knows and says in [`Ready`]. A [`Registry`]
//! is what a `streeling_core::Unit` tells of its component's metrics; a scrape reads it and asks
//! nobody else.
//!
//! No transport is known here, and neither are settings or Python. Families are kept by hand: names
//! and tags come as components report them, and the tags of one name may differ from call to call.

mod bind;
mod histogram;
mod labels;
mod pages;
mod registry;
mod serve;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use bind::{Bound, Listening, bind};
pub use labels::Identity;
pub use pages::{Pages, Readiness, Ready};
pub use registry::Registry;
pub use streeling_net::{BindError, Drained};
