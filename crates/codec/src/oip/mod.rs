//! The Open Inference Protocol (V2): tensors with names and datatypes.

mod datatype;
mod message;
#[cfg(feature = "proto")]
pub mod proto;
#[cfg(feature = "proto")]
mod raw;

pub use datatype::Datatype;
pub use message::{InferRequest, InferResponse, NamedTensor, Parameters, RequestedOutput, Served};
