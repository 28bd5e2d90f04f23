//! The transport as a client meets it: over a socket, around a component that does as it is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod errors;
mod lifecycle;
mod observed;
mod standard;
mod support;
