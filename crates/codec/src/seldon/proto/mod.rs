//! Seldon's messages as protobuf.
//!
//! The values of a `tensor` and the contents of `binData`, `customData` and `tensor_content` become
//! slices of the body, without a copy, so they lie at whatever address they had in it
//! ([`Tensor::as_slice`](streeling_core::Tensor::as_slice) may fail,
//! [`Tensor::to_vec`](streeling_core::Tensor::to_vec) never). The writer knows every length
//! beforehand and copies each buffer once.
//!
//! Every number is a float64 except in `tftensor`. What becomes JSON text (`jsonData`, tags, an
//! `ndarray` that only NumPy can decide on) therefore has a point in every number, as in
//! seldon-core; `NaN` and the infinities stay numbers there.
//!
//! Memory is bounded by the length of the body, never by what it claims. A payload takes at most 25
//! times its bytes while it is read: packed integers of one byte each become 8 bytes, in a buffer
//! that has just doubled beside the one before it. Lists of empty messages and metrics, of two
//! bytes each, take 116 and 121 times, and nothing takes 125 times. `tests/memory.rs` measures it.
//! The one exception is a `tftensor` whose list is shorter than its shape: it repeats its last
//! value, within [`Limits::repeated`].

mod data;
mod encode;
mod encode_array;
mod encode_error;
mod encode_json;
mod encode_meta;
mod encode_rows;
mod message;
mod meta;
mod reader;
mod tftensor;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use streeling_core::{Feedback, Message};

use super::tensor::Surplus;
use crate::error::DecodeError;
use reader::Reader;

pub use encode::{encode_feedback, encode_message, encode_messages};
pub use encode_error::EncodeError;
pub use reader::Limits;

/// Reads a `SeldonMessage` that is a request: it must have a payload.
///
/// `tensor` becomes float64, `ndarray` float64 or bool where it is a regular array of such values,
/// `tftensor` the dtype that it has. A `tensor` whose shape and values differ, an `ndarray` of
/// anything else and a `tftensor` of a dtype that no [`DType`](streeling_core::DType) stands for
/// become [`Elements::Json`](streeling_core::Elements::Json).
///
/// # Errors
///
/// [`Wire`](DecodeError::Wire), [`WrongType`](DecodeError::WrongType),
/// [`TooDeep`](DecodeError::TooDeep), [`NoPayload`](DecodeError::NoPayload),
/// [`TooLarge`](DecodeError::TooLarge), and [`Invalid`](DecodeError::Invalid) for a `tftensor`
/// whose parts do not belong together.
pub fn decode_message(body: &Bytes, limits: Limits) -> Result<Message, DecodeError> {
    let reader = Reader::new(body, limits);
    reader.message(&reader.body.whole(), true)
}

/// Reads a `SeldonMessage` that is a response: as [`decode_message`], but it may lack a payload.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_response(body: &Bytes, limits: Limits) -> Result<Message, DecodeError> {
    let reader = Reader::new(body, limits);
    reader.message(&reader.body.whole(), false)
}

/// Reads a `SeldonMessageList`, each element as [`decode_message`].
///
/// # Errors
///
/// As [`decode_message`].
pub fn decode_messages(body: &Bytes, limits: Limits) -> Result<Vec<Message>, DecodeError> {
    let reader = Reader::new(body, limits);
    reader.messages(&reader.body.whole())
}

/// Reads a `Feedback`; its messages may lack a payload. Of a `tensor` with more values than its
/// shape has room for, the last ones count.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_feedback(body: &Bytes, limits: Limits) -> Result<Feedback, DecodeError> {
    let mut reader = Reader::new(body, limits);
    reader.surplus = Surplus::LastCount;
    reader.feedback(&reader.body.whole())
}
