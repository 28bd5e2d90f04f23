//! Which Unicode encoding a body has, told as Python's `json` tells it.

use bytes::Bytes;

use crate::DecodeError;
use crate::error::Result;

const EXPECTED: &str = "valid Unicode";

/// The body in UTF-8: itself, unless it is UTF-16 or UTF-32, with a byte order mark or without.
/// (Every JSON text starts with two ASCII characters, so the place of the zeros tells.)
#[inline]
pub(super) fn utf8(body: &Bytes) -> Result<Bytes> {
    match Wide::of(body) {
        None => Ok(body.clone()),
        Some(wide) => wide.decode(body),
    }
}

/// An encoding in units of several bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wide {
    /// Bytes in a unit.
    unit: usize,
    big_endian: bool,
    /// Bytes of the byte order mark.
    mark: usize,
}

impl Wide {
    #[inline]
    fn of(body: &[u8]) -> Option<Self> {
        let wide = |unit, big_endian, mark| {
            Some(Self {
                unit,
                big_endian,
                mark,
            })
        };
        match *body {
            [0, 0, 0xfe, 0xff, ..] => wide(4, true, 4),
            [0xff, 0xfe, 0, 0, ..] => wide(4, false, 4),
            [0xfe, 0xff, ..] => wide(2, true, 2),
            [0xff, 0xfe, ..] => wide(2, false, 2),
            [0, 0, _, _, ..] => wide(4, true, 0),
            [0, _, _, _, ..] | [0, _] => wide(2, true, 0),
            [_, 0, 0, 0, ..] => wide(4, false, 0),
            [_, 0, _, _, ..] | [_, 0] => wide(2, false, 0),
            _ => None,
        }
    }

    #[cold]
    fn decode(self, body: &[u8]) -> Result<Bytes> {
        let units = body.get(self.mark..).unwrap_or_default();
        let whole = units.chunks_exact(self.unit);
        if !whole.remainder().is_empty() {
            return Err(DecodeError::syntax(body.len(), EXPECTED));
        }
        let numbers = whole.map(|unit| {
            let append = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
            if self.big_endian {
                unit.iter().fold(0, append)
            } else {
                unit.iter().rev().fold(0, append)
            }
        });
        let mut text = String::with_capacity(units.len() / self.unit);
        let mut offset = self.mark;
        if self.unit == 4 {
            for number in numbers {
                let character = char::from_u32(number);
                text.push(character.ok_or_else(|| DecodeError::syntax(offset, EXPECTED))?);
                offset += 4;
            }
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "two bytes each")]
            for character in char::decode_utf16(numbers.map(|number| number as u16)) {
                let character = character.map_err(|_| DecodeError::syntax(offset, EXPECTED))?;
                text.push(character);
                offset += 2 * character.len_utf16();
            }
        }
        Ok(text.into())
    }
}
