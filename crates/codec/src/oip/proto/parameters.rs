//! Parameters: truth values, numbers and texts, which are JSON here.

use streeling_core::{Error, ErrorKind, RawJson, Result};

use super::reader::Reader;
use crate::error::Result as DecodeResult;
use crate::json::number::{self, Literal};
use crate::json::scan::Cursor;
use crate::json::writer::write_int;
use crate::json::{encode_float, encode_string};
use crate::oip::message::Parameters;
use crate::oip::parameters::Short;
use crate::protobuf::wire::{Field, INTEGER, MESSAGE, Spans, TEXT};
use crate::protobuf::write::{bytes, nested, present_bytes, varint};

/// What a parameter takes beside its texts, at the worst moment: when its table has just doubled.
const ENTRY: usize = 512;

impl Reader<'_> {
    /// One entry of the field `parameters`.
    pub(super) fn parameter(&self, field: &Field, table: &mut Parameters) -> DecodeResult<()> {
        self.body.entry(field, "parameters", table, |value| {
            self.take(field.offset, ENTRY)?;
            self.value(&value.spans(MESSAGE)?, field.offset)
        })
    }

    /// The value of a parameter; null where there is none.
    fn value(&self, spans: &Spans, offset: usize) -> DecodeResult<RawJson> {
        let mut json = b"null".to_vec();
        self.body.fields(spans, |field| {
            let mut text = Vec::new();
            match field.number {
                1 => {
                    let value = field.varint(INTEGER)? != 0;
                    text.extend_from_slice(if value { b"true" } else { b"false" });
                }
                2 => {
                    let value = field.varint(INTEGER)?;
                    write_int(i64::from_le_bytes(value.to_le_bytes()), &mut text);
                }
                3 => {
                    let value = field.span(TEXT).and_then(|span| self.body.str(span))?;
                    // Room for every character as an escape.
                    self.take(field.offset, value.len().saturating_mul(6))?;
                    encode_string(value, &mut text);
                }
                4 => encode_float(field.float64("a float64")?, &mut text),
                5 => write_int(field.varint(INTEGER)?, &mut text),
                _ => return Ok(()),
            }
            json = text;
            Ok(())
        })?;
        self.take(offset, json.capacity())?;
        Ok(RawJson::from_checked(json.into()))
    }
}

/// Appends parameters as a map.
pub(super) fn write_parameters(
    number: u32,
    parameters: &Parameters,
    out: &mut Vec<u8>,
) -> Result<()> {
    for (key, value) in parameters {
        nested(number, out, |out| {
            bytes(1, key.as_bytes(), out);
            nested(2, out, |out| {
                write_value(value, out).ok_or_else(|| no_unicode(key))
            })
        })?;
    }
    Ok(())
}

#[cold]
fn no_unicode(key: &str) -> Error {
    let info = format!(
        "the component's response cannot be sent: parameter {} has half of a surrogate pair, which \
         protobuf does not hold",
        Short(key)
    );
    Error::new(ErrorKind::Component, info)
}

/// Appends the fields of an `InferParameter`; `None` for text that is no Unicode.
fn write_value(value: &RawJson, out: &mut Vec<u8>) -> Option<()> {
    let mut cursor = Cursor::new(value.as_bytes()).ok()?;
    cursor.whitespace();
    match cursor.peek() {
        Some(b'"') => present_bytes(3, cursor.string().ok()?.as_bytes(), out),
        _ if cursor.take_word(b"true") => out.extend_from_slice(&[1 << 3, 1]),
        _ if cursor.take_word(b"false") => out.extend_from_slice(&[1 << 3, 0]),
        _ => match number::scan(cursor.bytes(), cursor.pos) {
            Some((literal, end)) => write_number(literal, &cursor, end, out)?,
            // Lists, objects and null: there is no type for them.
            None => present_bytes(3, value.as_bytes(), out),
        },
    }
    Some(())
}

fn write_number(
    literal: Literal,
    cursor: &Cursor<'_>,
    end: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let value = match literal {
        Literal::Int(value) => {
            out.push(2 << 3);
            varint(u64::from_le_bytes(value.to_le_bytes()), out);
            return Some(());
        }
        Literal::Float(value) => value,
        Literal::BigInt => {
            let text = std::str::from_utf8(&cursor.bytes()[cursor.pos..end]).ok()?;
            if let Ok(value) = text.parse() {
                out.push(5 << 3);
                varint(value, out);
                return Some(());
            }
            number::rounded(cursor.bytes(), cursor.pos, end)?
        }
    };
    out.push(4 << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
    Some(())
}
