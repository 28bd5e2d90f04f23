//! SeldonMessage as JSON.
//!
//! The dialect is that of Python's `json`: `NaN`, `Infinity` and `-Infinity` are numbers, of a key
//! that comes twice the last one counts, and a byte order mark at the start is skipped. The text is
//! UTF-8: half of a surrogate pair may be escaped in a string, but not encoded as three bytes of
//! its own. Values may be nested 512 levels deep.
//!
//! Memory is bounded by the length of the body, never by what it claims. A payload takes at most 25
//! times its text while it is read: an array of digits 4 times, a `tftensor` of digits 12 times (8
//! bytes for the two of a digit with its comma, in a buffer that has just doubled beside the one
//! before it). Lists of the shortest names, tags, metrics and messages take more, a list of empty
//! metrics 64 times, but never 125 times. `tests/memory.rs` measures it. The one exception is a
//! `tftensor` whose list is shorter than its shape: it repeats its last value, within
//! [`REPEATED_LIMIT`](crate::REPEATED_LIMIT).

mod array;
mod data;
mod float;
mod message;
mod meta;
pub(crate) mod number;
pub(crate) mod scan;
pub(crate) mod tftensor;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use streeling_core::{Feedback, Message, Meta, RawJson};

use crate::DecodeError;
use message::{Mode, Reader};
use scan::Cursor;

#[cfg(feature = "proto")]
pub(crate) use float::f16_to_f64;
pub use write::{
    encode_feedback, encode_float, encode_message, encode_messages, encode_meta, encode_names,
    encode_string,
};

/// Reads a `SeldonMessage` that is a request: it must have a payload.
///
/// Fields that the protocol does not know are passed over, and so is `status`. Where several
/// payloads are there, `data` counts before `jsonData`, `strData` and `binData`; within `data`,
/// `tensor` before `ndarray` and `tftensor`. `data` that is a list or a string counts as one that
/// names no form. `strData` that is no string, or has half of a surrogate pair in it, becomes
/// [`Payload::Json`](streeling_core::Payload::Json): all this as the incumbent does.
///
/// `ndarray` and `tensor` become [`Array::Typed`](streeling_core::Array::Typed) (int64, float64 or
/// bool) where they are regular arrays of such values, with up to 32 dimensions, and `tftensor` where
/// it is one of numbers whose parts belong together, in its own dtype; what a short list repeats
/// may take up to [`REPEATED_LIMIT`](crate::REPEATED_LIMIT) in a document. Everything else becomes
/// [`Array::Json`](streeling_core::Array::Json): a slice of `body`, not a copy.
///
/// # Errors
///
/// Every variant of [`DecodeError`] but
/// [`UnknownField`](DecodeError::UnknownField).
pub fn decode_message(body: &Bytes) -> Result<Message, DecodeError> {
    document(body, Mode::Request, Reader::message)
}

/// Reads a `SeldonMessage` that is an answer: as [`decode_message`], but it may lack a payload and
/// may have a status.
///
/// # Errors
///
/// As [`decode_message`], without [`NoPayload`](DecodeError::NoPayload).
pub fn decode_answer(body: &Bytes) -> Result<Message, DecodeError> {
    document(body, Mode::Answer, Reader::message)
}

/// Reads a `SeldonMessageList`: `{"seldonMessages": [...]}` or the list alone, each element as
/// [`decode_message`].
///
/// # Errors
///
/// As [`decode_message`]; [`NoPayload`](DecodeError::NoPayload) also when `seldonMessages`
/// is not there or not a list.
pub fn decode_messages(body: &Bytes) -> Result<Vec<Message>, DecodeError> {
    document(body, Mode::Request, Reader::messages)
}

/// Reads a `Feedback`. Its messages may lack a payload, and a field that the protocol does not know
/// is an error wherever it is, as are two payloads in one message. Numbers in arrays are float64
/// however they are written, and the reward is a float32, since the incumbent reads feedback
/// through protobuf.
///
/// # Errors
///
/// Every variant of [`DecodeError`] but
/// [`NoPayload`](DecodeError::NoPayload).
pub fn decode_feedback(body: &Bytes) -> Result<Feedback, DecodeError> {
    document(body, Mode::Feedback, Reader::feedback)
}

/// Reads the `meta` of a message by itself.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax), [`TooDeep`](DecodeError::TooDeep),
/// [`WrongType`](DecodeError::WrongType) and [`Invalid`](DecodeError::Invalid).
pub fn decode_meta(body: &Bytes) -> Result<Meta, DecodeError> {
    document(body, Mode::Answer, Reader::meta)
}

/// Reads a list of strings.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax), [`WrongType`](DecodeError::WrongType), and
/// [`Invalid`](DecodeError::Invalid) for half of a surrogate pair, which no Rust string can hold.
pub fn decode_names(text: &[u8]) -> Result<Vec<String>, DecodeError> {
    one_value(Cursor::new(text)?, message::names)
}

/// Checks that `body` is exactly one JSON value and gives it back without a copy, and without what
/// stands around it.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax) and [`TooDeep`](DecodeError::TooDeep).
pub fn check(body: &Bytes) -> Result<RawJson, DecodeError> {
    document(body, Mode::Answer, Reader::raw)
}

/// Reads a document that is one value.
fn document<T>(
    body: &Bytes,
    mode: Mode,
    read: impl FnOnce(&Reader, &mut Cursor<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let reader = Reader::new(body.clone(), mode);
    one_value(Cursor::new(reader.body())?, |cursor| read(&reader, cursor))
}

fn one_value<'a, T>(
    start: Cursor<'a>,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut cursor = start;
    match read(&mut cursor) {
        Ok(value) => cursor.end().map(|()| value),
        Err(error) if error.breaks_the_text() => Err(error),
        Err(error) => {
            // What is no JSON at all is said to be that, whatever else is wrong with it.
            let mut cursor = start;
            cursor.skip()?;
            cursor.end()?;
            Err(error)
        }
    }
}
