//! Requests and responses of inference as JSON, and as JSON with raw tensors behind it (the binary
//! tensor data extension).
//!
//! The dialect is that of [`crate::json`]: `NaN` and infinities are numbers. `data` is a flat list
//! in row-major order, or lists nested as the shape says; a single element may stand without a
//! list. It goes into a buffer of its datatype straight away. Numbers must be such that the
//! datatype holds them, booleans may be written as 0 and 1, `FP16` as decimals, and `BYTES` as
//! strings. Fields that the protocol does not know are passed over, and null is as good as absent.
//!
//! Memory is bounded by the length of the body, never by what it claims, and asked for at a
//! [`Meter`](streeling_core::Meter).

mod encode;
mod fields;
mod graph;
mod numbers;
mod request;
mod tensors;

pub(super) use encode::write_elements;
pub use encode::{Form, encode, encoded_size};
pub(super) use fields::refused;
pub use graph::{decode_feedback, decode_messages};
pub use request::decode;

#[cfg(test)]
mod tests;
