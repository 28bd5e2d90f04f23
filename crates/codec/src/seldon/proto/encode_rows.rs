//! Arrays as nested lists of `google.protobuf.Value`, straight from their buffers.

use std::str;

use streeling_core::{DType, Tensor};

use super::encode_error::{EncodeError, Result};
use crate::json::float::f16_to_f64;
use crate::protobuf::write::{field_len, head, nested, present_bytes};

/// A tensor as nested lists, whose lengths are all known from its shape if it is one of numbers.
pub(super) struct Rows {
    /// Bytes of the contents of a list, by level.
    contents: Vec<usize>,
    sides: Vec<usize>,
    pub(super) length: usize,
}

impl Rows {
    pub(super) fn new(tensor: &Tensor) -> Result<Self> {
        let refused = |what| EncodeError {
            place: "data.ndarray",
            what,
        };
        let sides = tensor.shape();
        // A list of length zero has no lists in it.
        let levels = sides
            .iter()
            .position(|&side| side == 0)
            .map_or(sides.len(), |zero| zero + 1);
        let sides = sides[..levels].to_vec();
        if sides.is_empty() {
            return Err(refused("a scalar"));
        }
        let mut element = match tensor.dtype() {
            // For strings that is the least, which keeps the number of lists within bounds.
            DType::Bool | DType::Bytes => 2,
            _ => 9,
        };
        let mut contents = Vec::with_capacity(levels);
        for &side in sides.iter().rev() {
            let content = side.checked_mul(field_len(element));
            // Protobuf's own limit.
            let content = content.filter(|&content| content <= i32::MAX as usize);
            let content = content.ok_or(refused("more than 2 GiB"))?;
            contents.push(content);
            element = field_len(content);
        }
        contents.reverse();
        Ok(Self {
            length: contents[0],
            contents,
            sides,
        })
    }

    pub(super) fn write(&self, tensor: &Tensor, out: &mut Vec<u8>) {
        let size = tensor
            .dtype()
            .size()
            .expect("strings are not written from here");
        let inner = self.sides[self.sides.len() - 1];
        let mut rows = tensor.data().chunks(size * inner.max(1));
        self.level(0, tensor.dtype(), &mut rows, out);
    }

    fn level<'a>(
        &self,
        level: usize,
        dtype: DType,
        rows: &mut impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) {
        if level + 1 == self.sides.len() {
            if let Some(row) = rows.next() {
                write_row(row, dtype, out);
            }
            return;
        }
        let content = self.contents[level + 1];
        for _ in 0..self.sides[level] {
            // An element, which is a value, which holds a list.
            head(1, field_len(content), out);
            head(6, content, out);
            self.level(level + 1, dtype, rows, out);
        }
    }
}

fn write_row(row: &[u8], dtype: DType, out: &mut Vec<u8>) {
    #[inline]
    fn each<const N: usize>(row: &[u8], out: &mut Vec<u8>, convert: impl Fn([u8; N]) -> f64) {
        let (elements, _) = row.as_chunks::<N>();
        let start = out.len();
        out.resize(start + elements.len() * 11, 0);
        let (slots, _) = out[start..].as_chunks_mut::<11>();
        for (slot, &element) in slots.iter_mut().zip(elements) {
            let [a, b, c, d, e, f, g, h] = convert(element).to_le_bytes();
            *slot = [0x0a, 0x09, 0x11, a, b, c, d, e, f, g, h];
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
    match dtype {
        DType::Bool => {
            for &element in row {
                out.extend_from_slice(&[0x0a, 0x02, 0x20, element]);
            }
        }
        DType::F64 => each(row, out, f64::from_le_bytes),
        DType::F32 => each(row, out, |b| f32::from_le_bytes(b).into()),
        DType::F16 => each(row, out, |b| f16_to_f64(u16::from_le_bytes(b))),
        DType::I64 => each(row, out, |b| i64::from_le_bytes(b) as f64),
        DType::U64 => each(row, out, |b| u64::from_le_bytes(b) as f64),
        DType::I32 => each(row, out, |b| i32::from_le_bytes(b).into()),
        DType::U32 => each(row, out, |b| u32::from_le_bytes(b).into()),
        DType::I16 => each(row, out, |b| i16::from_le_bytes(b).into()),
        DType::U16 => each(row, out, |b| u16::from_le_bytes(b).into()),
        DType::I8 => each(row, out, |b| i8::from_le_bytes(b).into()),
        DType::U8 => each(row, out, |b| u8::from_le_bytes(b).into()),
        DType::Bytes => unreachable!("strings are not written from here"),
    }
}

/// Appends the fields of a `ListValue` of strings.
pub(super) fn write_string_rows(tensor: &Tensor, out: &mut Vec<u8>) -> Result<()> {
    let rows = Rows::new(tensor)?;
    string_lists(&rows.sides, &mut tensor.byte_elements(), out)
}

fn string_lists<'a>(
    sides: &[usize],
    elements: &mut impl Iterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some((&side, inner)) = sides.split_first() else {
        let element = elements.next().unwrap_or_default();
        let text = str::from_utf8(element).map_err(|_| EncodeError {
            place: "data.ndarray",
            what: "bytes that are not UTF-8",
        })?;
        present_bytes(3, text.as_bytes(), out);
        return Ok(());
    };
    for _ in 0..side {
        nested(1, out, |out| {
            if inner.is_empty() {
                string_lists(inner, elements, out)
            } else {
                nested(6, out, |out| string_lists(inner, elements, out))
            }
        })?;
    }
    Ok(())
}
