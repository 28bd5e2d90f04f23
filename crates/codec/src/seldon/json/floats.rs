//! Arrays as they are when they come through protobuf, where every number is a float.

use streeling_core::Tensor;

use crate::json::array::to_floats;
use crate::json::float_in_protobuf_form;
use crate::json::number::{self, Literal};

/// The tensor, with floats for integers.
pub(super) fn with_float_elements(tensor: Tensor) -> Tensor {
    let Some(ints) = tensor.to_vec::<i64>() else {
        return tensor;
    };
    let shape = tensor.shape().to_vec();
    Tensor::from_vec(shape, to_floats(ints)).unwrap_or(tensor)
}

/// Whether protobuf's JSON has a number for every element.
pub(super) fn all_finite(tensor: &Tensor) -> bool {
    tensor
        .to_vec::<f64>()
        .is_none_or(|values| values.into_iter().all(f64::is_finite))
}

/// Appends JSON text as a protobuf library writes it: with a point in every number, and with
/// strings for what JSON has no number for. `text` is one valid value.
pub(super) fn text_in_protobuf_form(text: &[u8], out: &mut Vec<u8>) {
    let mut pos = 0;
    while let Some(&byte) = text.get(pos) {
        let end = match byte {
            b'"' => string_end(text, pos),
            b'-' | b'0'..=b'9' | b'N' | b'I' => match number::scan(text, pos) {
                Some((Literal::Float(value), end)) if value.is_finite() => end,
                Some((_, end)) => {
                    if let Some(value) = number::rounded(text, pos, end) {
                        float_in_protobuf_form(value, out);
                    }
                    pos = end;
                    continue;
                }
                None => pos + 1,
            },
            _ => pos + 1,
        };
        out.extend_from_slice(&text[pos..end]);
        pos = end;
    }
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
