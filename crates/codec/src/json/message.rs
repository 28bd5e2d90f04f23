//! The fields of messages, and what each may hold.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use streeling_core::{
    Array, Data, Feedback, Form, Message, Meta, Number, Payload, RawJson, Status, Tensor,
};

use super::array;
use super::number::{self, Literal};
use super::scan::Cursor;
use crate::DecodeError;
use crate::error::Result;

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
    mode: Mode,
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
        Err(error) => unusable(cursor, start, error.inside(name)),
    }
}

#[cold]
fn unusable<'a, T>(
    cursor: &mut Cursor<'a>,
    start: Cursor<'a>,
    error: DecodeError,
) -> Result<Slot<T>> {
    if error.breaks_the_text() {
        return Err(error);
    }
    *cursor = start;
    cursor.skip()?;
    Ok(Some(Err(error)))
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
        Self { body, mode }
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
    fn absent(&self, cursor: &mut Cursor<'_>) -> bool {
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
                cursor.skip()?;
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

    /// `strData`. What is no string, or none that Rust can hold, is handed on as it came, as the incumbent does.
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

    fn data(&self, cursor: &mut Cursor<'_>) -> Result<Data> {
        let start = cursor.pos;
        if self.mode != Mode::Feedback && matches!(cursor.peek(), Some(b'[' | b'"')) {
            // The incumbent asks whether `ndarray` is in it, and in these it is not.
            cursor.skip()?;
            return Ok(Data {
                names: Vec::new(),
                form: Form::Empty,
                array: Array::Typed(Tensor::empty()),
            });
        }
        let mut names_: Slot<Vec<String>> = None;
        let mut ndarray: Slot<Array> = None;
        let mut tensor: Slot<Array> = None;
        let mut tftensor: Slot<Array> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "names" => {
                    names_ = field(cursor, &name, |cursor| {
                        if cursor.take_word(b"null") {
                            return Ok(Vec::new());
                        }
                        names(cursor)
                    })?;
                }
                "ndarray" if !self.absent(cursor) => {
                    ndarray = field(cursor, &name, |cursor| {
                        self.typed_or_raw(cursor, array::nested)
                    })?;
                }
                "tensor" if !self.absent(cursor) => {
                    tensor = field(cursor, &name, |cursor| {
                        self.check_tensor_fields(cursor)?;
                        self.typed_or_raw(cursor, tensor_object)
                    })?;
                }
                "tftensor" if !self.absent(cursor) => {
                    tftensor = field(cursor, &name, |cursor| {
                        if cursor.peek() != Some(b'{') {
                            return Err(cursor.wrong_type("an object"));
                        }
                        self.raw(cursor).map(Array::Json)
                    })?;
                }
                "ndarray" | "tensor" | "tftensor" => {}
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        if self.mode == Mode::Feedback {
            let forms = [ndarray.is_some(), tensor.is_some(), tftensor.is_some()];
            if forms.into_iter().filter(|&there| there).count() > 1 {
                return Err(DecodeError::invalid(
                    start,
                    "more than one form of array in data",
                ));
            }
        }
        let (form, array) = if let Some(tensor) = tensor {
            (Form::Tensor, tensor?)
        } else if let Some(ndarray) = ndarray {
            (Form::NdArray, ndarray?)
        } else if let Some(tftensor) = tftensor {
            (Form::TfTensor, tftensor?)
        } else {
            (Form::Empty, Array::Typed(Tensor::empty()))
        };
        Ok(Data {
            names: names_.transpose()?.unwrap_or_default(),
            form,
            array,
        })
    }

    #[inline]
    fn typed_or_raw<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        typed: impl FnOnce(&mut Cursor<'b>) -> Option<Tensor>,
    ) -> Result<Array> {
        let start = *cursor;
        let typed = typed(cursor);
        if self.mode == Mode::Feedback {
            return match typed {
                Some(tensor) => Ok(Array::Typed(array::with_float_elements(tensor))),
                None => {
                    *cursor = start;
                    cursor.skip()?;
                    let text = &cursor.bytes()[start.pos..cursor.pos];
                    let text = array::text_with_float_elements(text);
                    Ok(Array::Json(RawJson::from_checked(text.into())))
                }
            };
        }
        if let Some(tensor) = typed {
            return Ok(Array::Typed(tensor));
        }
        *cursor = start;
        self.raw(cursor).map(Array::Json)
    }

    /// In feedback a tensor must be an object without unknown fields.
    fn check_tensor_fields(&self, cursor: &Cursor<'_>) -> Result<()> {
        if self.mode != Mode::Feedback {
            return Ok(());
        }
        let mut ahead = *cursor;
        ahead.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "shape" | "values" => cursor.skip(),
                _ => self.unknown(cursor, &name, span.start),
            }
        })
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

/// A tensor whose shape and values are plain and belong together.
fn tensor_object(cursor: &mut Cursor<'_>) -> Option<Tensor> {
    let mut shape = None;
    let mut values = None;
    let mut plain = true;
    let walked = cursor.object(|cursor, span| {
        let name = cursor.field(span);
        let start = *cursor;
        plain &= match &*name {
            "shape" => {
                shape = sides(cursor);
                shape.is_some()
            }
            "values" => {
                values = array::flat(cursor);
                values.is_some()
            }
            _ => cursor.skip().is_ok(),
        };
        if plain {
            Ok(())
        } else {
            // Only to get out; the caller looks at the text again.
            Err(start.syntax("a tensor"))
        }
    });
    walked.ok()?;
    values?.into_tensor(shape?)
}

/// A shape that is a list of sides, none below zero, few enough for every NumPy.
fn sides(cursor: &mut Cursor<'_>) -> Option<Vec<usize>> {
    match array::flat(cursor)? {
        array::Values::None => Some(Vec::new()),
        array::Values::Ints(sides) if sides.len() <= array::MAX_DIMS => sides
            .into_iter()
            .map(|side| usize::try_from(side).ok())
            .collect(),
        _ => None,
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
