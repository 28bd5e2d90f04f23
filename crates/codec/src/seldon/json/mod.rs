//! Seldon's messages as JSON.
//!
//! The dialect is that of [`crate::json`].
//!
//! Memory is bounded by the length of the body, never by what it claims. A payload takes at most 25
//! times its text while it is read: an array of digits 4 times, a `tftensor` of digits 12 times (8
//! bytes for the two of a digit with its comma, in a buffer that has just doubled beside the one
//! before it). Lists of the shortest names, tags, metrics and messages take more, a list of empty
//! metrics 64 times, but never 125 times. `tests/memory.rs` measures it. The one exception is a
//! `tftensor` whose list is shorter than its shape: it repeats its last value, within
//! [`REPEATED_LIMIT`](crate::REPEATED_LIMIT).

mod data;
mod feedback;
mod feedback_tensor;
mod floats;
mod message;
mod meta;
pub(super) mod named;
mod protobuf_form;
mod reader;
pub(super) mod tftensor;
mod write;
mod write_tensor_proto;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use streeling_core::{Feedback, Message, Meta, Meter};

use crate::error::DecodeError;
use crate::json::document::one_value;
use crate::json::fields::texts;
use crate::json::scan::Cursor;
use reader::{Mode, Reader};

pub use protobuf_form::encode_in_protobuf_form;
pub use write::{encode_feedback, encode_message, encode_messages, encode_meta, encode_names};

/// Reads a `SeldonMessage` that is a request: it must have a payload.
///
/// Fields that the protocol does not know are passed over, and so is `status`. Where several
/// payloads are there, `data` counts before `jsonData`, `strData` and `binData`; within `data`,
/// `tensor` before `ndarray` and `tftensor`. `data` that is a list or a string counts as one
/// without an array. `strData` that is no string, or has half of a surrogate pair in it, becomes
/// [`Payload::Json`](streeling_core::Payload::Json): all this as seldon-core does.
///
/// `ndarray` and `tensor` become [`Elements::Typed`](streeling_core::Elements::Typed) (int64,
/// float64 or bool) where they are regular arrays of such values, with up to 32 dimensions, and
/// `tftensor` where it is one of numbers whose parts belong together, in its own dtype; what a
/// short list repeats may take up to [`REPEATED_LIMIT`](crate::REPEATED_LIMIT) in a document.
/// Everything else becomes [`Elements::Json`](streeling_core::Elements::Json): a slice of `body`,
/// not a copy.
///
/// # Errors
///
/// Every variant of [`DecodeError`] but
/// [`UnknownField`](DecodeError::UnknownField).
pub fn decode_message(body: &Bytes) -> Result<Message, DecodeError> {
    Decoder::new(&Meter::unlimited()).message(body)
}

/// Reads a `SeldonMessage` that is a response: as [`decode_message`], but it may lack a payload
/// and may have a status.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_response(body: &Bytes) -> Result<Message, DecodeError> {
    let meter = Meter::unlimited();
    Decoder::new(&meter).document(body, Mode::Response, Reader::message)
}

/// Reads a `SeldonMessageList`: `{"seldonMessages": [...]}` or the list alone, each element as
/// [`decode_message`].
///
/// # Errors
///
/// As [`decode_message`]; [`NoPayload`](DecodeError::NoPayload) also when `seldonMessages`
/// is not there or not a list.
pub fn decode_messages(body: &Bytes) -> Result<Vec<Message>, DecodeError> {
    Decoder::new(&Meter::unlimited()).messages(body)
}

/// Reads a `Feedback`. Its messages may lack a payload, and a field that the protocol does not know
/// is an error wherever it is, as are two payloads in one message. Numbers in arrays are float64
/// however they are written, and the reward is a float32, since seldon-core reads feedback
/// through protobuf.
///
/// # Errors
///
/// Every variant of [`DecodeError`] but
/// [`NoPayload`](DecodeError::NoPayload).
pub fn decode_feedback(body: &Bytes) -> Result<Feedback, DecodeError> {
    Decoder::new(&Meter::unlimited()).feedback(body)
}

/// Reads the `meta` of a message by itself.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax), [`TooDeep`](DecodeError::TooDeep),
/// [`WrongType`](DecodeError::WrongType) and [`Invalid`](DecodeError::Invalid).
pub fn decode_meta(body: &Bytes) -> Result<Meta, DecodeError> {
    let meter = Meter::unlimited();
    Decoder::new(&meter).document(body, Mode::Response, Reader::meta)
}

/// Reads a list of strings.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax), [`WrongType`](DecodeError::WrongType), and
/// [`Invalid`](DecodeError::Invalid) for half of a surrogate pair, which no Rust string can hold.
pub fn decode_names(text: &[u8]) -> Result<Vec<String>, DecodeError> {
    one_value(text, texts)
}

/// Reads documents as the functions of the same names do, within memory that is asked for.
///
/// # Errors
///
/// Those of the functions, and [`Memory`](DecodeError::Memory).
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'m> {
    meter: &'m Meter,
}

impl<'m> Decoder<'m> {
    /// One whose memory comes from there.
    #[must_use]
    pub fn new(meter: &'m Meter) -> Self {
        Self { meter }
    }

    /// As [`decode_message`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn message(self, body: &Bytes) -> Result<Message, DecodeError> {
        self.document(body, Mode::Request, Reader::message)
    }

    /// As [`decode_messages`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn messages(self, body: &Bytes) -> Result<Vec<Message>, DecodeError> {
        self.document(body, Mode::Request, Reader::messages)
    }

    /// As [`decode_feedback`].
    ///
    /// # Errors
    ///
    /// As [`Decoder`] says.
    pub fn feedback(self, body: &Bytes) -> Result<Feedback, DecodeError> {
        self.document(body, Mode::Feedback, Reader::feedback)
    }

    /// Reads a document that is one value.
    fn document<'a, T>(
        self,
        body: &'a Bytes,
        mode: Mode,
        read: impl FnOnce(&Reader<'a>, &mut Cursor<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError>
    where
        'm: 'a,
    {
        let reader = Reader::new(body, mode, self.meter);
        one_value(body, |cursor| read(&reader, cursor))
    }
}
