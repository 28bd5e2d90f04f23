//! TensorFlow's `TensorProto` in protobuf's JSON.
//!
//! `None` stands for whatever is no tensor of numbers whose parts belong together; the text is then
//! passed on as it is.

use std::cell::Cell;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use streeling_core::{DType, Tensor};

use crate::json::number::{self, Literal};
use crate::json::scan::Cursor;
use crate::tensorflow::{self, Kind};

/// The parts of a `TensorProto`; the elements are those of the dtype's own list.
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    content: Bytes,
    /// Elements in memory order, for numbers; of complex ones both parts.
    pub(crate) list: Vec<u8>,
    /// Elements of a list of strings.
    pub(crate) strings: Vec<Vec<u8>>,
}

/// Reads a tensor of numbers from valid JSON.
pub(super) fn typed(text: &[u8], budget: &Cell<usize>) -> Option<Tensor> {
    let parts = parts(text)?;
    let Kind::Numbers(dtype) = parts.kind else {
        return None;
    };
    tensorflow::tensor(dtype, parts.shape, parts.content, parts.list, budget).ok()
}

/// Takes a `TensorProto` apart. `text` is valid JSON.
pub(crate) fn parts(text: &[u8]) -> Option<Parts> {
    let start = Cursor::new(text).ok()?;
    let mut kind = None;
    let mut shape = Some(Vec::new());
    let mut content = Some(Bytes::new());
    let mut list = None;
    let mut cursor = start;
    // The dtype says which list counts and may come after it.
    cursor
        .object(|cursor, span| {
            let name = cursor.field(span);
            let mut here = *cursor;
            match &*name {
                _ if cursor.peek() == Some(b'n') => {}
                "dtype" => kind = dtype(&mut here),
                "tensorShape" | "tensor_shape" => shape = sides(&mut here),
                "tensorContent" | "tensor_content" => {
                    content = base64(&mut here).map(Bytes::from);
                }
                _ => {}
            }
            cursor.skip()
        })
        .ok()?;
    let kind = kind?;
    let mut cursor = start;
    cursor
        .object(|cursor, span| {
            let name = cursor.field(span);
            if is_name(&name, kind.list_name()) && cursor.peek() != Some(b'n') {
                list = Some(*cursor);
            }
            cursor.skip()
        })
        .ok()?;
    let mut parts = Parts {
        kind,
        shape: shape?,
        content: content?,
        list: Vec::new(),
        strings: Vec::new(),
    };
    if let Some(mut cursor) = list {
        parts.elements(&mut cursor)?;
    }
    Some(parts)
}

impl Parts {
    fn elements(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let mut good = true;
        let walked = cursor.list(|cursor| {
            let mut here = *cursor;
            let read = match self.kind {
                Kind::Strings => base64(&mut here).map(|bytes| self.strings.push(bytes)),
                Kind::Numbers(dtype) => element(&mut here, dtype, &mut self.list),
                Kind::Complex64 => element(&mut here, DType::F32, &mut self.list),
                Kind::Complex128 => element(&mut here, DType::F64, &mut self.list),
            };
            good &= read.is_some();
            cursor.skip()
        });
        (good && walked.is_ok()).then_some(())
    }
}

/// Whether a name in the text is a field's JSON name or its name in the source.
fn is_name(found: &str, json: &str) -> bool {
    // `floatVal` is `float_val` in the source.
    found == json
        || json
            .strip_suffix("Val")
            .is_some_and(|stem| found.strip_suffix("_val") == Some(stem))
}

fn dtype(cursor: &mut Cursor<'_>) -> Option<Kind> {
    if cursor.peek() == Some(b'"') {
        return Kind::from_name(&cursor.string().ok()?);
    }
    match number::scan(cursor.bytes(), cursor.pos)?.0 {
        Literal::Int(number) => Kind::from_number(u64::try_from(number).ok()?),
        Literal::Float(_) | Literal::BigInt => None,
    }
}

fn sides(cursor: &mut Cursor<'_>) -> Option<Vec<usize>> {
    let mut shape = Vec::new();
    let mut good = true;
    cursor
        .object(|cursor, span| {
            // A shape of unknown rank is read as the sides that it has.
            if cursor.field(span) != "dim" {
                return cursor.skip();
            }
            shape.clear();
            cursor.list(|cursor| {
                let mut side = Some(0);
                cursor.object(|cursor, span| {
                    if cursor.field(span) == "size" {
                        side = integer(&mut { *cursor });
                    }
                    cursor.skip()
                })?;
                match side.and_then(|side| usize::try_from(side).ok()) {
                    Some(side) => shape.push(side),
                    None => good = false,
                }
                Ok(())
            })
        })
        .ok()?;
    good.then_some(shape)
}

fn element(cursor: &mut Cursor<'_>, dtype: DType, out: &mut Vec<u8>) -> Option<()> {
    match dtype {
        DType::F64 => out.extend_from_slice(&float(cursor)?.to_le_bytes()),
        #[expect(clippy::cast_possible_truncation, reason = "the field has 32 bits")]
        DType::F32 => out.extend_from_slice(&(float(cursor)? as f32).to_le_bytes()),
        DType::Bool => {
            let value = cursor.take_word(b"true");
            if !value && !cursor.take_word(b"false") {
                return None;
            }
            out.push(value.into());
        }
        _ => tensorflow::push_integer(integer(cursor)?, dtype, out).ok()?,
    }
    Some(())
}

/// An integer, which may be written as text or as a float without a fraction.
fn integer(cursor: &mut Cursor<'_>) -> Option<i128> {
    if cursor.peek() == Some(b'"') {
        return cursor.string().ok()?.parse().ok();
    }
    let bytes = cursor.bytes();
    let (literal, end) = number::scan(bytes, cursor.pos)?;
    match literal {
        Literal::Int(value) => Some(value.into()),
        Literal::BigInt => std::str::from_utf8(&bytes[cursor.pos..end])
            .ok()?
            .parse()
            .ok(),
        #[expect(clippy::cast_possible_truncation, reason = "checked before")]
        Literal::Float(value) => {
            (value.fract() == 0.0 && value.abs() < 2_f64.powi(64)).then_some(value as i128)
        }
    }
}

/// A float, which may be written as text.
pub(super) fn float(cursor: &mut Cursor<'_>) -> Option<f64> {
    if cursor.peek() == Some(b'"') {
        return match &*cursor.string().ok()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok().filter(|value: &f64| value.is_finite()),
        };
    }
    let bytes = cursor.bytes();
    let (literal, end) = number::scan(bytes, cursor.pos)?;
    match literal {
        #[expect(clippy::cast_precision_loss, reason = "rounds as JSON readers do")]
        Literal::Int(value) => Some(value as f64),
        Literal::Float(value) => Some(value),
        Literal::BigInt => number::rounded(bytes, cursor.pos, end),
    }
}

fn base64(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    if cursor.peek() != Some(b'"') {
        return None;
    }
    BASE64_STANDARD.decode(&*cursor.string().ok()?).ok()
}
