//! Whole documents, and values that are kept as their text.

use bytes::Bytes;
use streeling_core::RawJson;

use super::scan::Cursor;
use crate::error::{DecodeError, Result};

/// Checks that `body` is exactly one JSON value and returns it without a copy, and without what
/// stands around it.
///
/// # Errors
///
/// [`Syntax`](DecodeError::Syntax) and [`TooDeep`](DecodeError::TooDeep).
pub fn check(body: &Bytes) -> Result<RawJson, DecodeError> {
    one_value(body, |cursor| raw(body, cursor))
}

/// The value that starts at `offset` of a document; `None` where none does.
#[must_use]
pub fn value_at(document: &[u8], offset: usize) -> Option<&[u8]> {
    let mut cursor = Cursor::new(document).ok()?;
    cursor.pos = offset;
    cursor.skip().ok()?;
    document.get(offset..cursor.pos)
}

/// Any value, as its text. The cursor walks over `body`.
pub(crate) fn raw(body: &Bytes, cursor: &mut Cursor<'_>) -> Result<RawJson> {
    let start = cursor.pos;
    cursor.skip()?;
    Ok(RawJson::from_checked(body.slice(start..cursor.pos)))
}

/// Reads a document that is one value.
pub(crate) fn one_value<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
) -> Result<T> {
    let start = Cursor::new(body)?;
    let mut cursor = start;
    match read(&mut cursor) {
        Ok(value) => cursor.end().map(|()| value),
        Err(error) if error.is_final() => Err(error),
        Err(error) => {
            // Invalid JSON is reported as such, whatever else is wrong with it.
            let mut cursor = start;
            cursor.skip()?;
            cursor.end()?;
            Err(error)
        }
    }
}
