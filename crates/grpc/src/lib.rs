//! The gRPC transport: HTTP/2 in, calls of a [`Unit`](streeling_core::Unit), HTTP/2 out.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] answers until it is told
//! to stop. In between lie one table of methods (`routes.rs`), the limits of size and time, and the
//! table that says which gRPC code each [`ErrorKind`](streeling_core::ErrorKind) means. Beside the
//! services of Seldon Core's protocol there are the standard ones: health and reflection.
//!
//! Message frames, compression, health and reflection are tonic's; connections are hyper's. The messages
//! themselves are not decoded into generated types: `streeling-codec` walks over their bytes.
//!
//! Lives elsewhere on purpose: the meaning of the bytes (`streeling-codec`), what happens around a
//! component (`streeling-core`), ports and the accept loop (`streeling-net`), flags and variables
//! (`streeling-config`), the REST transport and the metrics endpoint. Nothing here reads the environment or
//! knows Python.

mod bind;
mod config;
mod handler;
mod metadata;
mod observe;
mod request;
mod routes;
mod serve;
mod stall;
mod standard;
mod status;
mod timeout;

pub use bind::{Bound, Listening, bind};
pub use config::Config;
pub use streeling_net::{BindError, Drained};
