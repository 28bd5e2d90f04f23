//! The transport from outside: raw HTTP over pipes in memory, with a clock that stands still while
//! anything moves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod connections;
mod errors;
mod heads;
mod lifecycle;
mod limits;
mod observed;
mod offloaded;
#[cfg(feature = "oip")]
mod oip;
mod protocols;
mod routes;
mod support;
