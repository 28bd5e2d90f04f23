//! Fields of objects, and the plain values that they hold.

use std::borrow::Cow;

use streeling_core::{Number, Table};

use super::number::{self, Literal};
use super::scan::Cursor;
use crate::error::{DecodeError, Result};

/// What a field that may come several times held the last time.
pub(crate) type Slot<T> = Option<Result<T>>;

/// Reads a field. If its value cannot be used, the error is kept, not returned: the field may come
/// again, and then the last one counts. Only broken JSON ends the reading at once.
#[inline]
pub(crate) fn field<'a, T>(
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
    if error.is_final() {
        return Err(error.inside(name));
    }
    *cursor = start;
    cursor.skip().map_err(|error| error.inside(name))?;
    Ok(Some(Err(error.inside(name))))
}

/// A value, or null for an empty one.
pub(crate) fn or_null<'a, T: Default>(
    cursor: &mut Cursor<'a>,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
) -> Result<T> {
    if cursor.take_word(b"null") {
        return Ok(T::default());
    }
    read(cursor)
}

/// An object whose values are all of one type.
pub(crate) fn table<'a, T>(
    cursor: &mut Cursor<'a>,
    read: impl Fn(&mut Cursor<'a>) -> Result<T>,
) -> Result<Table<T>> {
    let mut slots: Table<Result<T>> = Table::new();
    cursor.object(|cursor, span| {
        let name = cursor.text(span)?;
        if let Some(slot) = field(cursor, &name, &read)? {
            slots.insert(name.into_owned(), slot);
        }
        Ok(())
    })?;
    slots
        .into_iter()
        .map(|(name, slot)| Ok((name, slot?)))
        .collect()
}

/// A list of strings.
pub(crate) fn texts(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    cursor.list(|cursor| {
        texts.push(text(cursor)?);
        Ok(())
    })?;
    Ok(texts)
}

/// A string.
pub(crate) fn text(cursor: &mut Cursor<'_>) -> Result<String> {
    cursor.string().map(Cow::into_owned)
}

/// A number of 32 bits, which may be written as a float without a fraction, and as text.
pub(crate) fn int32(cursor: &mut Cursor<'_>) -> Result<i32> {
    let here = *cursor;
    let value = if cursor.peek() == Some(b'"') {
        cursor.string()?.trim().parse().ok()
    } else {
        match number(cursor)? {
            Number::Int(value) => i32::try_from(value).ok(),
            #[expect(clippy::cast_possible_truncation, reason = "truncation is checked for")]
            Number::Float(value) => Some(value as i32).filter(|&cut| f64::from(cut) == value),
        }
    };
    value.ok_or_else(|| here.wrong_type("an integer of 32 bits"))
}

/// Any number. An integer beyond 64 bits becomes the nearest float.
pub(crate) fn number(cursor: &mut Cursor<'_>) -> Result<Number> {
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
