//! JSON text as `google.protobuf.Value`.

use super::write::{bytes, nested, present_bytes};
use crate::error::Result;
use crate::json::number::{self, Literal};
use crate::json::scan::Cursor;

/// Appends the fields of the `Value` that is the JSON value here.
pub(crate) fn write_value(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
    match cursor.peek() {
        Some(b'"') => present_bytes(3, cursor.string()?.as_bytes(), out),
        Some(b'[') => nested(6, out, |out| write_elements(cursor, out))?,
        Some(b'{') => nested(5, out, |out| {
            cursor.object(|cursor, span| {
                let key = cursor.text(span)?;
                nested(1, out, |out| {
                    bytes(1, key.as_bytes(), out);
                    nested(2, out, |out| write_value(cursor, out))
                })
            })
        })?,
        _ if cursor.take_word(b"true") => out.extend_from_slice(&[0x20, 1]),
        _ if cursor.take_word(b"false") => out.extend_from_slice(&[0x20, 0]),
        _ if cursor.take_word(b"null") => out.extend_from_slice(&[0x08, 0]),
        _ => {
            out.push(0x11);
            out.extend_from_slice(&float(cursor)?.to_le_bytes());
        }
    }
    Ok(())
}

/// Appends the fields of the `ListValue` that is the JSON list here.
pub(crate) fn write_elements(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
    cursor.list(|cursor| nested(1, out, |out| write_value(cursor, out)))
}

/// Any number, as a float64.
pub(crate) fn float(cursor: &mut Cursor<'_>) -> Result<f64> {
    let (bytes, start) = (cursor.bytes(), cursor.pos);
    let found = number::scan(bytes, start).and_then(|(literal, end)| {
        #[expect(clippy::cast_precision_loss, reason = "every number is a float64")]
        let value = match literal {
            Literal::Int(value) => value as f64,
            Literal::Float(value) => value,
            Literal::BigInt => number::rounded(bytes, start, end)?,
        };
        Some((value, end))
    });
    let (value, end) = found.ok_or_else(|| cursor.wrong_type("a number"))?;
    cursor.pos = end;
    Ok(value)
}
