//! The gRPC transport: HTTP/2 in, calls of a model, HTTP/2 out, in any protocol.
//!
//! [`Grpc`] handles the connections of a port; `streeling-net` accepts them. What is the same for
//! every protocol lies here: limits of size and time, finding the method ([`Route`]) and the model,
//! compression, moving long work off the thread that moves bytes, responses of one message and of
//! many, and beside the protocols' own services the standard ones: health and reflection. A
//! [`Protocol`] brings its methods, how it reads and writes messages, and its statuses along;
//! [`seldon`] is Seldon Core's, `oip` (feature `oip`) the Open Inference Protocol.
//!
//! Compression, health and reflection are tonic's; connections are hyper's. The messages themselves
//! are not decoded into generated types: `streeling-codec` walks over their bytes.
//!
//! Lives elsewhere on purpose: the meaning of the bytes (`streeling-codec`), what happens around a
//! component (`streeling-core`), ports and the accept loop (`streeling-net`), flags and variables
//! (`streeling-config`), the REST transport and the metrics endpoint. Nothing here reads the
//! environment or knows Python.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod bounded;
mod calls;
mod config;
mod details;
mod failure;
mod flood;
mod frame;
mod frames;
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod health;
mod idle;
mod observe;
#[cfg(feature = "oip")]
pub mod oip;
mod preface;
mod protocol;
mod request;
mod router;
pub mod seldon;
mod server;
mod standard;
mod timeout;

pub use config::Config;
pub use protocol::{Action, Decoded, Form, Protocol, Responses, Route};
pub use server::Grpc;
