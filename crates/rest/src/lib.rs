//! The HTTP/1.1 transport: requests in, calls of a model, responses out, in any protocol.
//!
//! [`Rest`] handles the connections of a port; `streeling-net` accepts them. What is the same for
//! every protocol lies here: limits of size and time, finding the route ([`Route`], with parameters
//! in the path) and the model, moving long work off the thread that moves bytes, OPTIONS and
//! cross-origin requests. A [`Protocol`] brings its routes, how it reads and writes messages, and
//! its error bodies along; [`seldon`] is Seldon Core's, and `oip` (feature `oip`) the Open
//! Inference Protocol beside `KServe`'s V1.
//!
//! Lives elsewhere on purpose: the meaning of the bytes (`streeling-codec`), what happens around a
//! component (`streeling-core`), ports and the accept loop (`streeling-net`), flags and variables
//! (`streeling-config`), the gRPC transport and the metrics endpoint. Nothing here reads the
//! environment or knows Python.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod body;
mod config;
mod cuts;
mod depth;
mod framing;
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod head;
mod observe;
#[cfg(feature = "oip")]
pub mod oip;
mod own;
mod pace;
mod portions;
mod protocol;
mod received;
mod reply;
mod router;
pub mod seldon;
mod server;
mod standard;
mod status;
mod timer;
mod token;

pub use config::Config;
pub use protocol::{Action, Decoded, Form, Params, Problem, Protocol, Route, Undecoded, Verbs};
pub use reply::{Body, Pieces, Reply, html, json, stream};
pub use server::Rest;
