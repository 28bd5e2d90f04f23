//! Nested `ListValue`s of numbers, straight into one typed buffer.
//!
//! Everything here returns `None` for what is not a regular array as every protobuf library writes
//! it, be it text, a ragged list or broken bytes. The caller then walks over it again, which finds
//! broken bytes, and makes JSON text of the rest.

use streeling_core::Tensor;

use super::wire::{Fields, Span, Spans, Wire};
use crate::json::array::MAX_DIMS;

/// A side whose length no list has fixed yet.
const OPEN: usize = usize::MAX;

/// An element that is a number: its length, tag and length of the value, tag of the number, number.
const NUMBER: usize = 11;
const NUMBER_HEAD: [u8; 3] = [0x0a, 0x09, 0x11];

/// An element that is a boolean.
const BOOL: usize = 4;
const BOOL_HEAD: [u8; 3] = [0x0a, 0x02, 0x20];

/// Reads a nested list of any depth up to NumPy's.
pub(crate) fn typed(body: &[u8], spans: &Spans) -> Option<Tensor> {
    let mut lists = spans.iter();
    let list = lists.next()?;
    if lists.next().is_some() {
        return None;
    }
    let mut array = Nested {
        body,
        values: Values::None,
        length: list.len(),
        sides: [OPEN; MAX_DIMS],
        deepest: OPEN,
    };
    array.list(list, 0)?;
    let shape = array.sides[..array.deepest].to_vec();
    match array.values {
        Values::None => Tensor::from_vec::<f64>(shape, Vec::new()),
        Values::Bools(values) => Tensor::from_bools(shape, values),
        Values::Floats(values) => Tensor::from_vec(shape, values),
    }
    .ok()
}

enum Values {
    None,
    Bools(Vec<bool>),
    Floats(Vec<f64>),
}

struct Nested<'a> {
    body: &'a [u8],
    values: Values,
    /// Bytes of the whole array, which bound how many elements there can be.
    length: usize,
    /// For each level the length that its lists have.
    sides: [usize; MAX_DIMS],
    /// How many levels there are.
    deepest: usize,
}

impl Nested<'_> {
    fn list(&mut self, list: Span, level: usize) -> Option<()> {
        if level == MAX_DIMS || level == self.deepest {
            return None;
        }
        let bytes = &self.body[list.start..list.end];
        let count = if is_list(bytes) {
            let mut fields = Fields::new(self.body, list);
            let mut count = 0;
            while let Some(field) = fields.next().ok()? {
                let Wire::Len(value) = field.value else {
                    return None;
                };
                if field.number != 1 {
                    return None;
                }
                let inner = self.inner(value)?;
                self.list(inner, level + 1)?;
                count += 1;
            }
            count
        } else {
            if self.deepest == OPEN {
                self.deepest = level + 1;
            } else if self.deepest != level + 1 {
                return None;
            }
            self.row(bytes)?
        };
        if self.sides[level] == OPEN {
            self.sides[level] = count;
        } else if self.sides[level] != count {
            return None;
        }
        Some(())
    }

    /// The list that is all that a value holds.
    fn inner(&self, value: Span) -> Option<Span> {
        let mut fields = Fields::new(self.body, value);
        let field = fields.next().ok()??;
        match field.value {
            Wire::Len(span) if field.number == 6 && span.end == value.end => Some(span),
            _ => None,
        }
    }

    /// The elements of a list without lists in it; how many there were.
    fn row(&mut self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return Some(0);
        }
        if let Values::None = self.values {
            self.values = if bytes.starts_with(&NUMBER_HEAD) {
                Values::Floats(Vec::with_capacity(self.length / NUMBER))
            } else {
                Values::Bools(Vec::with_capacity(self.length / BOOL))
            };
        }
        match &mut self.values {
            Values::Floats(values) => {
                let (elements, rest) = bytes.as_chunks::<NUMBER>();
                let mut plain = rest.is_empty();
                values.extend(elements.iter().map(|element| {
                    let [a, b, c, value @ ..] = *element;
                    let value = f64::from_le_bytes(value);
                    // Others become text, which is what protobuf's JSON has for them.
                    plain &= [a, b, c] == NUMBER_HEAD && value.is_finite();
                    value
                }));
                plain.then_some(elements.len())
            }
            Values::Bools(values) => {
                let (elements, rest) = bytes.as_chunks::<BOOL>();
                let mut plain = rest.is_empty();
                values.extend(elements.iter().map(|&[a, b, c, value]| {
                    plain &= [a, b, c] == BOOL_HEAD && value < 2;
                    value == 1
                }));
                plain.then_some(elements.len())
            }
            Values::None => None,
        }
    }
}

/// Whether the first element of a list is a list.
fn is_list(bytes: &[u8]) -> bool {
    let whole = Span {
        start: 0,
        end: bytes.len(),
    };
    let Ok(Some(field)) = Fields::new(bytes, whole).next() else {
        return false;
    };
    let Wire::Len(value) = field.value else {
        return false;
    };
    // Field 6, with a length.
    bytes[value.start..value.end].first() == Some(&0x32)
}
