//! The Open Inference Protocol (V2): tensors with names and datatypes.
//!
//! [`message`] says what a component is given for an [`InferRequest`], and [`response`] what its
//! response is as an [`InferResponse`], in whichever form of the protocol both are written.
//! [`raw_tensor`] takes tensors as raw bytes, which REST and gRPC have in common. `proto` (feature
//! `proto`) reads and writes the messages as protobuf.
//!
//! # Content types
//!
//! Parameter `content_type` of an input, or of a request for all its inputs of `BYTES`, says what
//! the elements mean, in the words of `MLServer`: `np` and `pd` (arrays and tables, which is what
//! they are taken for anyway), `str` (text), `datetime` (text, in the form of ISO 8601), `base64`
//! (each element is base64 text of bytes, whichever form of the protocol it came in), `json` (each
//! element is a JSON document).

mod datatype;
mod input;
pub mod json;
mod message;
mod nested;
mod output;
mod parameters;
#[cfg(feature = "proto")]
pub mod proto;
mod raw;
mod text;
pub mod v1;

#[cfg(test)]
mod tests;

pub use datatype::Datatype;
pub use input::message;
pub use message::{InferRequest, InferResponse, NamedTensor, Parameters, RequestedOutput, Served};
pub use output::{response, response_named};
pub use raw::{raw_tensor, shape};
