//! The REST transport: HTTP/1.1 in, calls of a [`Unit`](streeling_core::Unit), HTTP/1.1 out.
//!
//! [`bind`] reserves the port, [`Bound::listen`] opens it and [`Listening::serve`] answers until it is told
//! to stop. In between lie one table of routes, which is also what `/seldon.json` is made from; the
//! ways in which a request can bring its JSON (body, form, query, multipart); limits of size and
//! time; and the table that says which HTTP status each [`ErrorKind`](streeling_core::ErrorKind)
//! means.
//!
//! Lives elsewhere on purpose: the meaning of the JSON (`streeling-codec`), what happens around a
//! component (`streeling-core`), ports and the accept loop (`streeling-net`), flags and variables (`streeling-config`), the gRPC transport and
//! the metrics endpoint. Nothing here reads the environment or knows Python.

mod bind;
mod body;
mod config;
mod decode;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod multipart;
mod observe;
mod openapi;
mod reply;
mod routes;
mod serve;
mod service;
mod status;

pub use bind::{Bound, Listening, bind};
pub use config::{Config, Identity};
pub use openapi::document as openapi_document;
pub use streeling_net::{BindError, Drained};
