//! The protobuf messages of Seldon Core's protocol, and of the Open Inference Protocol (feature
//! `oip`), as Rust types.
//!
//! Generated from `proto/` in the root of the repository by `cargo xtask codegen` and committed, so
//! that building this needs no protobuf compiler. It sits beside `streeling-core` and knows
//! nothing of ours. What turns wire bytes into messages of `streeling-core` lives in
//! `streeling-codec`, which reads and writes the bytes itself, without these types between; they
//! are here for clients (feature `client`), for metadata, for reflection, and to hold that codec
//! against.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod generated;

#[cfg(feature = "oip")]
pub use generated::inference;
pub use generated::{FILE_DESCRIPTOR_SET, seldon, tensorflow};
