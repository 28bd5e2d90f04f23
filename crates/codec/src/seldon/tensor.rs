//! A `tensor` as its shape and values, however they were written.

use bytes::Bytes;
use streeling_core::{DType, Elements, RawJson, Tensor};

use crate::json::array::MAX_DIMS;
use crate::json::encode_float;
use crate::tensorflow::{REPEATED_LIMIT, others};

/// Which values are the elements where there are more than the shape has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surplus {
    /// NumPy refuses them.
    #[cfg_attr(
        not(feature = "proto"),
        expect(dead_code, reason = "JSON is read so in feedback alone")
    )]
    Refused,
    /// The last ones, as seldon-core has it in feedback.
    LastCount,
}

/// The elements of a tensor; `values` are float64 in memory order.
pub(super) fn elements(shape: &[i32], values: &Bytes, surplus: Surplus) -> Elements {
    let sides: Option<Vec<usize>> = shape
        .iter()
        .map(|&side| usize::try_from(side).ok())
        // One more than there may be, so that a shape of very many takes no more.
        .take(MAX_DIMS + 1)
        .collect();
    let typed = sides
        // An empty array of enormous sides is left to NumPy.
        .filter(|sides| {
            sides.len() <= MAX_DIMS && (!sides.contains(&0) || others(sides) < REPEATED_LIMIT)
        })
        .and_then(|sides| {
            let first = match surplus {
                Surplus::Refused => 0,
                Surplus::LastCount => values.len().saturating_sub(bytes_of(&sides)),
            };
            Tensor::new(DType::F64, sides, values.slice(first..)).ok()
        });
    typed.map_or_else(|| Elements::Json(text(shape, values)), Elements::Typed)
}

/// Bytes of all elements, saturated.
fn bytes_of(sides: &[usize]) -> usize {
    if sides.contains(&0) {
        return 0;
    }
    sides
        .iter()
        .fold(8, |bytes: usize, &side| bytes.saturating_mul(side))
}

/// The JSON of a tensor that only NumPy can make sense of.
fn text(shape: &[i32], values: &[u8]) -> RawJson {
    let mut text = b"{\"shape\":[".to_vec();
    for (index, side) in shape.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(side.to_string().as_bytes());
    }
    text.extend_from_slice(b"],\"values\":[");
    let (values, _) = values.as_chunks();
    for (index, &value) in values.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        encode_float(f64::from_le_bytes(value), &mut text);
    }
    text.extend_from_slice(b"]}");
    RawJson::from_checked(text.into())
}
