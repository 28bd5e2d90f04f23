//! What operators look at, on a port of its own: the probes `/live` and `/ready`.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] answers until it
//! is told to stop. The port is meant to be open from the first second of the process to its last.
//! Whether the server is ready, whoever puts it together knows and says in [`Ready`].
//!
//! No transport is known here, and neither are settings or Python. The registry of metrics and its
//! exposition belong here, too, and are to come.

mod bind;
mod probes;
mod serve;

pub use bind::{Bound, Listening, bind};
pub use probes::{Readiness, Ready};
pub use streeling_net::{BindError, Drained};
