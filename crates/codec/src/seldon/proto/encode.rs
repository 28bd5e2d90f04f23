//! Messages written as protobuf.

use streeling_core::{Feedback, Message, Payload, RawJson, Status};

use super::encode_array::write_array;
use super::encode_error::{EncodeError, Result};
use super::encode_json::write_json;
use super::encode_meta::write_meta;
use crate::protobuf::write::{
    bytes, field_len, float32, head, infallible, integer, nested, present_bytes,
};
use crate::seldon::json::named::write_named;

/// Appends a `SeldonMessage`; its `meta` is always there, if only empty.
///
/// Whatever its dtype, an array becomes float64 (bool stays bool in an `ndarray`) unless it is a
/// `tftensor`, which keeps it. Elements of [`DType::Bytes`](streeling_core::DType::Bytes) become
/// strings. [`Payload::Opaque`] is the whole message, whatever it is. [`Payload::Named`] becomes
/// `jsonData`: an object with the value of each name, arrays as nested lists and bytes as base64.
/// The fields come in the order of their numbers.
///
/// # Errors
///
/// [`EncodeError`] for a scalar as `ndarray`, half of a surrogate pair in JSON text, bytes that are
/// not UTF-8 in an `ndarray`, a side beyond 32 bits or strings in a `tensor`, and for JSON that is
/// no `tensor` or `tftensor` where it stands for one. What has been appended by then is to be
/// thrown away.
pub fn encode_message(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if let Payload::Opaque(pieces) = &message.payload {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return Ok(());
    }
    write_message(message, true, out)
}

fn write_message(message: &Message, with_meta: bool, out: &mut Vec<u8>) -> Result<()> {
    if let Some(status) = &message.status {
        infallible(nested(1, out, |out| {
            write_status(status, out);
            Ok(())
        }));
    }
    if with_meta {
        nested(2, out, |out| write_meta(&message.meta, out))?;
    }
    match &message.payload {
        Payload::None | Payload::Opaque(_) => {}
        Payload::Array(array) => write_array(array, out)?,
        Payload::Named(named) | Payload::Columns(named) => nested(6, out, |out| {
            let mut json = Vec::new();
            write_named(named, &mut json);
            write_json(&RawJson::from_checked(json.into()), "jsonData", out)
        })?,
        Payload::Bytes(binary) => present_bytes(4, binary, out),
        Payload::Text(text) => present_bytes(5, text.as_bytes(), out),
        Payload::Json(json) => nested(6, out, |out| write_json(json, "jsonData", out))?,
        Payload::Quoted(_) => {
            return Err(EncodeError {
                place: "strData",
                what: "half of a surrogate pair",
            });
        }
        Payload::Any { type_url, value } => {
            let length = |bytes: &[u8]| {
                if bytes.is_empty() {
                    0
                } else {
                    field_len(bytes.len())
                }
            };
            head(7, length(type_url.as_bytes()) + length(value), out);
            bytes(1, type_url.as_bytes(), out);
            bytes(2, value, out);
        }
    }
    Ok(())
}

/// Appends a `SeldonMessageList`.
///
/// # Errors
///
/// As [`encode_message`].
pub fn encode_messages(messages: &[Message], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    messages
        .iter()
        .try_for_each(|message| nested(1, out, |out| encode_message(message, out)))
}

/// Appends a `Feedback`; the messages that it does not have are left out, and so is their `meta`
/// where it is empty.
///
/// # Errors
///
/// As [`encode_message`].
pub fn encode_feedback(feedback: &Feedback, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let part = |number, message: &Message, out: &mut Vec<u8>| {
        let with_meta = !message.meta.is_empty();
        nested(number, out, |out| write_message(message, with_meta, out))
    };
    for (number, message) in [(1, &feedback.request), (2, &feedback.response)] {
        if let Some(message) = message {
            part(number, message, out)?;
        }
    }
    float32(3, feedback.reward, out);
    if let Some(truth) = &feedback.truth {
        part(4, truth, out)?;
    }
    Ok(())
}

fn write_status(status: &Status, out: &mut Vec<u8>) {
    integer(1, status.code.into(), out);
    bytes(2, status.info.as_bytes(), out);
    bytes(3, status.reason.as_bytes(), out);
    integer(4, status.failure.into(), out);
}
