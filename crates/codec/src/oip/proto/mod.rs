//! The protocol's messages as protobuf.
//!
//! The elements of an input come in one of two ways: raw, all inputs' in `raw_input_contents`, or
//! typed, each in the list of its `contents` that belongs to its datatype. Raw elements, and typed
//! ones of FP32 and FP64, become slices of the message, without a copy, so they lie at whatever
//! address they had in it. The writer copies each buffer once.
//!
//! Memory is bounded by the length of the message, never by the shapes that it claims: typed
//! integers take at most 8 times their bytes, raw BF16 twice, and each input, output or parameter
//! a few hundred bytes beside its own, all of it taken from the [`Meter`] beforehand.

mod contents;
mod encode;
mod encode_contents;
mod parameters;
mod reader;
mod request;
mod service;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use streeling_core::{Meter, Result};

use super::message::{InferResponse, Served};
use reader::Reader;

pub use request::ModelInfer;
pub use service::{
    ModelMetadata, ModelName, ModelState, Server, TensorMetadata, decode_index, decode_model,
    decode_repository_model, encode_flag, encode_index, encode_model, encode_server,
};

/// Reads a `ModelInferRequest`; what is made of it takes its memory from `memory`.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for bytes that are no such message, for an
/// input or output without a name, for a tensor whose datatype, shape and elements do not belong
/// together, and for elements that are both typed and raw; that of the memory.
pub fn decode_request(body: &Bytes, memory: &Meter) -> Result<ModelInfer> {
    Reader::new(body, memory).request()
}

/// Appends a `ModelInferResponse` of the model that is served.
///
/// The elements are raw if `is_raw` says so, and where one of the outputs is FP16, which has no
/// list; else typed. A parameter that is no truth value, number or text is its JSON as text.
///
/// # Errors
///
/// [`ErrorKind::Component`](streeling_core::ErrorKind) for half of a surrogate pair in a parameter.
/// What has been appended by then is to be thrown away.
pub fn encode_response(
    served: &Served,
    response: &InferResponse,
    is_raw: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    encode::response(served, response, is_raw, out)
}
