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
use streeling_core::{Feedback, Message, Meter};

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
    Decoder::new(limits, &Meter::unlimited()).message(body)
}

/// Reads a `SeldonMessage` that is a response: as [`decode_message`], but it may lack a payload.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_response(body: &Bytes, limits: Limits) -> Result<Message, DecodeError> {
    Decoder::new(limits, &Meter::unlimited()).response(body)
}

/// Reads a `SeldonMessageList`, each element as [`decode_message`].
///
/// # Errors
///
/// As [`decode_message`].
pub fn decode_messages(body: &Bytes, limits: Limits) -> Result<Vec<Message>, DecodeError> {
    Decoder::new(limits, &Meter::unlimited()).messages(body)
}

/// Reads a `Feedback`; its messages may lack a payload. Of a `tensor` with more values than its
/// shape has room for, the last ones count.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_feedback(body: &Bytes, limits: Limits) -> Result<Feedback, DecodeError> {
    Decoder::new(limits, &Meter::unlimited()).feedback(body)
}

/// Reads messages as the functions of the same names do, within memory that is asked for.
///
/// # Errors
///
/// Those of the functions, and [`Memory`](DecodeError::Memory).
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'m> {
    limits: Limits,
    meter: &'m Meter,
}

impl<'m> Decoder<'m> {
    /// One whose memory comes from there.
    #[must_use]
    pub fn new(limits: Limits, meter: &'m Meter) -> Self {
        Self { limits, meter }
    }

    /// As [`decode_message`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn message(self, body: &Bytes) -> Result<Message, DecodeError> {
        let reader = Reader::new(body, self.limits, self.meter);
        reader.message(&reader.body.whole(), true)
    }

    /// As [`decode_response`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn response(self, body: &Bytes) -> Result<Message, DecodeError> {
        let reader = Reader::new(body, self.limits, self.meter);
        reader.message(&reader.body.whole(), false)
    }

    /// As [`decode_messages`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn messages(self, body: &Bytes) -> Result<Vec<Message>, DecodeError> {
        let reader = Reader::new(body, self.limits, self.meter);
        reader.messages(&reader.body.whole())
    }

    /// As [`decode_feedback`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn feedback(self, body: &Bytes) -> Result<Feedback, DecodeError> {
        let mut reader = Reader::new(body, self.limits, self.meter);
        reader.surplus = Surplus::LastCount;
        reader.feedback(&reader.body.whole())
    }
}
