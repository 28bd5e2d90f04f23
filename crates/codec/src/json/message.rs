//! The fields of messages, and what each may hold.

use std::borrow::Cow;
use std::cell::Cell;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use streeling_core::{Data, Feedback, Message, Meta, Number, Payload, RawJson, Status};

use super::number::{self, Literal};
use super::scan::Cursor;
use crate::DecodeError;
use crate::error::Result;
use crate::tftensor::REPEATED_LIMIT;

/// As Python reads it: bits that belong to no byte do not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What is being read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// A request: has a payload; unknown fields are passed over, and `status` is one of them.
    Request,
    /// An answer: need not have a payload, and may have a status.
    Answer,
    /// A message in feedback. The incumbent reads those as protobuf: unknown fields are errors,
    /// null is as good as absent, there is at most one payload, array elements are floats.
    Feedback,
}

/// Reads values whose text may be kept as slices of one body.
pub(super) struct Reader {
    body: Bytes,
    pub(super) mode: Mode,
    /// Bytes that repeated values may still take.
    pub(super) room: Cell<usize>,
}

/// What a field that may come several times held the last time.
pub(super) type Slot<T> = Option<Result<T>>;

/// Reads a field. If its value cannot be used, that is kept, not returned: the field may come
/// again, and then the last one counts. Only broken JSON ends the reading at once.
#[inline]
pub(super) fn field<'a, T>(
    cursor: &mut Cursor<'a>,
    name: &str,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
) -> Result<Slot<T>> {
    let start = *cursor;
    match read(cursor) {
        Ok(value) => Ok(Some(Ok(value))),
        Err(error) => unusable(cursor, start, error, name),
    }
}

#[cold]
fn unusable<'a, T>(
    cursor: &mut Cursor<'a>,
    start: Cursor<'a>,
    error: DecodeError,
    name: &str,
) -> Result<Slot<T>> {
    if error.breaks_the_text() {
        return Err(error.inside(name));
    }
    *cursor = start;
    cursor.skip().map_err(|error| error.inside(name))?;
    Ok(Some(Err(error.inside(name))))
}

/// A list of strings.
pub(super) fn names(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    cursor.list(|cursor| {
        names.push(cursor.string()?.into_owned());
        Ok(())
    })?;
    Ok(names)
}

/// A number of 32 bits, which may be written as a float without a fraction, and as text.
pub(super) fn int32(cursor: &mut Cursor<'_>) -> Result<i32> {
    let here = *cursor;
    let value = if cursor.peek() == Some(b'"') {
        cursor.string()?.trim().parse().ok()
    } else {
        match number(cursor)? {
            Number::Int(value) => i32::try_from(value).ok(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what is cut off is looked for"
            )]
            Number::Float(value) => Some(value as i32).filter(|&cut| f64::from(cut) == value),
        }
    };
    value.ok_or_else(|| here.wrong_type("an integer of 32 bits"))
}

/// Any number. An integer beyond 64 bits becomes the nearest float.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<Number> {
    let bytes = cursor.bytes();
    let start = cursor.pos;
    let found = number::scan(bytes, start).and_then(|(literal, end)| {
        let number = match literal {
            Literal::Int(value) => Number::Int(value),
            Literal::Float(value) => Number::Float(value),
            Literal::BigInt => Number::Float(number::rounded(bytes, start, end)?),
        };
        Some((number, end))
    });
    let (number, end) = found.ok_or_else(|| cursor.wrong_type("a number"))?;
    cursor.pos = end;
    Ok(number)
}

impl Reader {
    pub(super) fn new(body: Bytes, mode: Mode) -> Self {
        Self {
            body,
            mode,
            room: Cell::new(REPEATED_LIMIT),
        }
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Any value, as its text.
    pub(super) fn raw(&self, cursor: &mut Cursor<'_>) -> Result<RawJson> {
        let start = cursor.pos;
        cursor.skip()?;
        Ok(RawJson::from_checked(self.body.slice(start..cursor.pos)))
    }

    /// What comes of a field that the protocol does not know; stands before its value.
    pub(super) fn unknown(&self, cursor: &mut Cursor<'_>, name: &str, offset: usize) -> Result<()> {
        if self.refuses_unknown() {
            return Err(DecodeError::UnknownField {
                path: String::new(),
                offset,
            }
            .inside(name));
        }
        cursor.skip().map_err(|error| error.inside(name))
    }

    pub(super) fn refuses_unknown(&self) -> bool {
        self.mode == Mode::Feedback
    }

    /// Takes a null where that means that the field is absent.
    pub(super) fn absent(&self, cursor: &mut Cursor<'_>) -> bool {
        self.mode == Mode::Feedback && cursor.take_word(b"null")
    }

    pub(super) fn message(&self, cursor: &mut Cursor<'_>) -> Result<Message> {
        let start = cursor.pos;
        object_here(cursor)?;
        let mut status: Slot<Option<Status>> = None;
        let mut meta: Slot<Meta> = None;
        let mut data: Slot<Data> = None;
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
                "binData" if !self.absent(cursor) => binary = field(cursor, name, binary_data)?,
                "strData" if !self.absent(cursor) => {
                    text = field(cursor, name, |cursor| self.text_data(cursor))?;
                }
                "jsonData" => json = field(cursor, name, |cursor| self.raw(cursor))?,
                "status" if self.mode != Mode::Request => {
                    status = field(cursor, name, |cursor| self.status(cursor))?;
                }
                "data" | "binData" | "strData" => {}
                // Feedback may carry it, and drops it like every payload but `data`.
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
            Payload::Data(data?)
        } else if let Some(json) = json {
            Payload::Json(json?)
        } else if let Some(text) = text {
            text?
        } else if let Some(binary) = binary {
            Payload::Binary(binary?)
        } else if self.mode == Mode::Request {
            return Err(DecodeError::NoPayload {
                path: String::new(),
                offset: start,
            });
        } else {
            Payload::None
        };
        Ok(Message {
            status: status.transpose()?.flatten(),
            meta: meta.transpose()?.unwrap_or_default(),
            payload,
        })
    }

    /// Several messages: an object with `seldonMessages`, or just the list.
    pub(super) fn messages(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Message>> {
        let start = cursor.pos;
        let list = |cursor: &mut Cursor<'_>| {
            let mut messages = Vec::new();
            cursor.list(|cursor| {
                messages.push(self.message(cursor)?);
                Ok(())
            })?;
            Ok(messages)
        };
        if cursor.peek() == Some(b'[') {
            return list(cursor);
        }
        object_here(cursor)?;
        let missing = DecodeError::NoPayload {
            path: String::new(),
            offset: start,
        };
        let mut slot: Slot<Vec<Message>> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            if name != "seldonMessages" {
                return self.unknown(cursor, &name, span.start);
            }
            slot = if cursor.peek() == Some(b'[') {
                field(cursor, &name, list)?
            } else {
                cursor.skip().map_err(|error| error.inside(&name))?;
                None
            };
            Ok(())
        })?;
        slot.unwrap_or(Err(missing))
    }

    pub(super) fn feedback(&self, cursor: &mut Cursor<'_>) -> Result<Feedback> {
        object_here(cursor)?;
        let message = |cursor: &mut Cursor<'_>| -> Result<Option<Message>> {
            if self.absent(cursor) {
                return Ok(None);
            }
            self.message(cursor).map(Some)
        };
        let mut request: Slot<Option<Message>> = None;
        let mut response: Slot<Option<Message>> = None;
        let mut truth: Slot<Option<Message>> = None;
        let mut reward: Slot<f32> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "request" => request = field(cursor, &name, message)?,
                "response" => response = field(cursor, &name, message)?,
                "truth" => truth = field(cursor, &name, message)?,
                "reward" => {
                    reward = field(cursor, &name, |cursor| self.reward(cursor))?;
                }
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        Ok(Feedback {
            request: request.transpose()?.flatten(),
            response: response.transpose()?.flatten(),
            reward: reward.transpose()?.unwrap_or_default(),
            truth: truth.transpose()?.flatten(),
        })
    }

    /// A reward, as protobuf's JSON has floats: also as text, also a boolean.
    fn reward(&self, cursor: &mut Cursor<'_>) -> Result<f32> {
        const EXPECTED: &str = "a number that a float32 can hold";
        let here = *cursor;
        let quoted = cursor.peek() == Some(b'"');
        let value = if self.absent(cursor) || cursor.take_word(b"false") {
            Some(0.0)
        } else if cursor.take_word(b"true") {
            Some(1.0)
        } else if quoted {
            cursor.string()?.trim().parse().ok()
        } else {
            Some(number(cursor)?.as_f64())
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a reward has 32 bits in the protocol"
        )]
        value
            .map(|value: f64| (value, value as f32))
            .filter(|(value, reward)| reward.is_finite() || quoted && !value.is_finite())
            .map(|(_, reward)| reward)
            .ok_or_else(|| here.wrong_type(EXPECTED))
    }

    /// `strData`. What is no string, or none that Rust can hold, is handed on as it came, as the
    /// incumbent does.
    fn text_data(&self, cursor: &mut Cursor<'_>) -> Result<Payload> {
        let start = *cursor;
        match cursor.string() {
            Ok(text) => Ok(Payload::Text(text.into_owned())),
            Err(error) if self.mode == Mode::Feedback => Err(error),
            Err(_) => {
                *cursor = start;
                self.raw(cursor).map(Payload::Json)
            }
        }
    }

    fn status(&self, cursor: &mut Cursor<'_>) -> Result<Option<Status>> {
        if cursor.take_word(b"null") {
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

fn binary_data(cursor: &mut Cursor<'_>) -> Result<Bytes> {
    let offset = cursor.pos;
    let text = cursor.string()?;
    // Line breaks are what MIME writers put in.
    let plain: Cow<'_, str> = if text.contains(['\r', '\n']) {
        text.replace(['\r', '\n'], "").into()
    } else {
        text
    };
    match BASE64.decode(&*plain) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(DecodeError::invalid(offset, "malformed base64")),
    }
}

fn object_here(cursor: &Cursor<'_>) -> Result<()> {
    match cursor.kind() {
        Some("an object") => Ok(()),
        Some(found) => Err(DecodeError::NotAnObject {
            path: String::new(),
            offset: cursor.pos,
            found,
        }),
        None => Err(cursor.syntax("a value")),
    }
}
