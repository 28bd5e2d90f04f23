//! The fields of messages, and what each may hold.

use std::borrow::Cow;

use bytes::Bytes;
use streeling_core::{
    Array, Elements, Layout, Message, Meta, Names, Payload, RawJson, Status, Tensor,
};

use super::reader::{Mode, Reader, object_here};
use crate::error::{DecodeError, Result};
use crate::json::array;
use crate::json::binary::decode_base64;
use crate::json::fields::{Slot, field, int32};
use crate::json::scan::Cursor;
use crate::seldon::PAYLOADS;

/// Bytes of a document of which a part may be read twice.
const SHORT: usize = 1024;

impl Reader<'_> {
    pub(super) fn message(&self, cursor: &mut Cursor<'_>) -> Result<Message> {
        let start = cursor.pos;
        if self.without_fields(cursor) {
            return Ok(Message::default());
        }
        if self.mode == Mode::Request
            && cursor.bytes().len() <= SHORT
            && let Some(array) = array_alone(cursor)
        {
            self.take(cursor, array.data().len())?;
            return Ok(Message {
                payload: Payload::Array(Array {
                    names: Names::new(),
                    layout: Layout::Nested,
                    elements: Elements::Typed(array),
                }),
                ..Message::default()
            });
        }
        object_here(cursor)?;
        let mut status: Slot<Option<Status>> = None;
        let mut meta: Slot<Meta> = None;
        let mut data: Slot<Array> = None;
        let mut binary: Slot<Bytes> = None;
        let mut text: Slot<Payload> = None;
        let mut json: Slot<RawJson> = None;
        let mut custom = false;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            let name = &*name;
            match name {
                "data" if !self.absent(cursor) => {
                    data = field(cursor, name, |cursor| self.data(cursor))?;
                }
                "meta" => meta = field(cursor, name, |cursor| self.meta(cursor))?,
                "binData" if !self.absent(cursor) => {
                    binary = field(cursor, name, |cursor| self.binary_data(cursor))?;
                }
                "strData" if !self.absent(cursor) => {
                    text = field(cursor, name, |cursor| self.text_data(cursor))?;
                }
                "jsonData" => json = field(cursor, name, |cursor| self.raw(cursor))?,
                "status" if self.mode != Mode::Request => {
                    status = field(cursor, name, |cursor| self.status(cursor))?;
                }
                "data" | "binData" | "strData" => {}
                // Feedback may have it, and drops it like every payload but `data`.
                "customData" if self.mode == Mode::Feedback => {
                    custom = !self.absent(cursor);
                    if custom {
                        object_here(cursor).map_err(|error| error.inside(name))?;
                        cursor.skip().map_err(|error| error.inside(name))?;
                    }
                }
                _ => self.unknown(cursor, name, span.start)?,
            }
            Ok(())
        })?;
        if self.mode == Mode::Feedback {
            let payloads = [
                data.is_some(),
                binary.is_some(),
                text.is_some(),
                json.is_some(),
                custom,
            ];
            if payloads.into_iter().filter(|&there| there).count() > 1 {
                return Err(DecodeError::invalid(
                    start,
                    "more than one payload in the message",
                ));
            }
        }
        let payload = if let Some(data) = data {
            Payload::Array(data?)
        } else if let Some(json) = json {
            Payload::Json(json?)
        } else if let Some(text) = text {
            text?
        } else if let Some(binary) = binary {
            Payload::Bytes(binary?)
        } else if self.mode == Mode::Request {
            return Err(DecodeError::NoPayload {
                path: String::new(),
                offset: start,
                expected: PAYLOADS,
            });
        } else {
            Payload::None
        };
        Ok(Message {
            status: status.transpose()?.flatten().map(Box::new),
            meta: meta.transpose()?.unwrap_or_default(),
            payload,
        })
    }

    /// `strData`. What is no string, or none that Rust can hold, is passed on as it came, as
    /// seldon-core does.
    fn text_data(&self, cursor: &mut Cursor<'_>) -> Result<Payload> {
        let start = *cursor;
        match cursor.string() {
            Ok(text) => {
                // It is copied once more to the worker.
                self.take(cursor, cursor.pos - start.pos + text.len())?;
                Ok(Payload::Text(text.into_owned()))
            }
            Err(error) if self.mode == Mode::Feedback => Err(error),
            Err(_) => {
                *cursor = start;
                let is_text = start.peek() == Some(b'"');
                let value = self.raw(cursor)?;
                Ok(if is_text {
                    Payload::Quoted(value)
                } else {
                    Payload::Json(value)
                })
            }
        }
    }

    fn binary_data(&self, cursor: &mut Cursor<'_>) -> Result<Bytes> {
        let offset = cursor.pos;
        let text = cursor.string()?;
        self.take(cursor, text.len())?;
        match decode_base64(&text) {
            Some(bytes) => Ok(bytes.into()),
            None => Err(DecodeError::invalid(offset, "malformed base64")),
        }
    }

    fn status(&self, cursor: &mut Cursor<'_>) -> Result<Option<Status>> {
        if cursor.take_word(b"null") || self.without_fields(cursor) {
            return Ok(None);
        }
        let mut code: Slot<i32> = None;
        let mut info: Slot<String> = None;
        let mut reason: Slot<String> = None;
        let mut failure: Slot<bool> = None;
        let text = |cursor: &mut Cursor<'_>| -> Result<String> {
            if cursor.take_word(b"null") {
                return Ok(String::new());
            }
            cursor.string().map(Cow::into_owned)
        };
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "code" => code = field(cursor, &name, int32)?,
                "info" => info = field(cursor, &name, text)?,
                "reason" => reason = field(cursor, &name, text)?,
                "status" => failure = field(cursor, &name, failure_flag)?,
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        Ok(Some(Status {
            code: code.transpose()?.unwrap_or_default(),
            info: info.transpose()?.unwrap_or_default(),
            reason: reason.transpose()?.unwrap_or_default(),
            failure: failure.transpose()?.unwrap_or_default(),
        }))
    }
}

/// A message that is nothing but an array of numbers, as nearly all short ones are. Anything else
/// leaves the cursor where it is.
fn array_alone(cursor: &mut Cursor<'_>) -> Option<Tensor> {
    let mut ahead = *cursor;
    for word in ["{", "\"data\"", ":", "{", "\"ndarray\"", ":"] {
        if !ahead.take_word(word.as_bytes()) {
            return None;
        }
        ahead.whitespace();
    }
    let array = array::nested(&mut ahead)?;
    for _ in 0..2 {
        ahead.whitespace();
        if !ahead.take(b'}') {
            return None;
        }
    }
    *cursor = ahead;
    Some(array)
}

/// `status` within a status: a name, or the number that stands for it.
fn failure_flag(cursor: &mut Cursor<'_>) -> Result<bool> {
    const EXPECTED: &str = "`SUCCESS` (0) or `FAILURE` (1)";
    let here = *cursor;
    let known = if cursor.peek() == Some(b'"') {
        match &*cursor.string()? {
            "SUCCESS" => Some(false),
            "FAILURE" => Some(true),
            _ => None,
        }
    } else {
        match int32(cursor) {
            Ok(0) => Some(false),
            Ok(1) => Some(true),
            _ => None,
        }
    };
    known.ok_or_else(|| here.wrong_type(EXPECTED))
}
