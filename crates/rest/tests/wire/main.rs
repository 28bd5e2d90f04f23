//! The transport from outside: raw HTTP over TCP against `serve` on a port of the system's choosing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod connections;
mod errors;
mod lifecycle;
mod observed;
mod routes;
mod support;
