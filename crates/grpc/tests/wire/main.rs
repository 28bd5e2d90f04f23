//! The transport as a client meets it: over a connection, around a scripted model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod errors;
mod floods;
mod lifecycle;
mod observed;
mod offloaded;
#[cfg(feature = "oip")]
mod oip;
mod raw;
mod room;
mod standard;
mod streaming;
mod support;
mod words;
