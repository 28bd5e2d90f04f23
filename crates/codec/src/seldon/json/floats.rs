//! Arrays as they are when they come through protobuf, where every number is a float.

use streeling_core::Tensor;

use crate::json::array::to_floats;
use crate::json::encode_float;
use crate::json::number::{self, Literal};

/// The tensor, with floats for integers.
pub(super) fn with_float_elements(tensor: Tensor) -> Tensor {
    let Some(ints) = tensor.to_vec::<i64>() else {
        return tensor;
    };
    let shape = tensor.shape().to_vec();
    Tensor::from_vec(shape, to_floats(ints)).unwrap_or(tensor)
}

/// JSON text with a point in every number. `text` is one valid value.
pub(super) fn text_with_float_elements(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut pos = 0;
    while let Some(&byte) = text.get(pos) {
        let end = match byte {
            b'"' => string_end(text, pos),
            b'-' | b'0'..=b'9' => match number::scan(text, pos) {
                Some((Literal::Int(_) | Literal::BigInt, end)) => {
                    if let Some(value) = number::rounded(text, pos, end) {
                        encode_float(value, &mut out);
                    }
                    pos = end;
                    continue;
                }
                Some((Literal::Float(_), end)) => end,
                None => pos + 1,
            },
            _ => pos + 1,
        };
        out.extend_from_slice(&text[pos..end]);
        pos = end;
    }
    out
}

/// The position after the string that starts at `pos`.
fn string_end(text: &[u8], pos: usize) -> usize {
    let mut end = pos + 1;
    while let Some(&byte) = text.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    text.len()
}
