//! Numbers of JSON as elements of a datatype.

use bytes::Bytes;
use streeling_core::{DType, Element, Meter, Result, Tensor};

use crate::json::number::{self, Literal};
use crate::json::scan::Cursor;
use crate::oip::datatype::Datatype;
use crate::oip::parameters::{Owner, bad};

/// A number, as JSON has it.
#[derive(Clone, Copy)]
enum Value {
    Int(i128),
    Float(f64),
}

/// Largest integer up to which a float holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The elements of a list of numbers or booleans as those of `dtype`; without a copy where they are
/// of it already.
pub(super) fn elements(name: &str, dtype: DType, list: &Tensor, memory: &Meter) -> Result<Bytes> {
    if list.is_empty() {
        return Ok(Bytes::new());
    }
    if list.dtype() == dtype {
        return Ok(list.data().clone());
    }
    let size = dtype.size().unwrap_or_default();
    memory.take(list.len() * size)?;
    match (dtype, list.dtype()) {
        (DType::Bytes, _) | (_, DType::Bool) => Err(bad(format!(
            "data of {} holds {}, elements of datatype {} are {}",
            Owner::Input(name),
            if list.dtype() == DType::Bool {
                "booleans"
            } else {
                "numbers"
            },
            Datatype::Of(dtype).name(),
            kind(dtype)
        ))),
        (_, DType::I64) => convert(name, dtype, list, |value: i64| Value::Int(value.into())),
        _ => convert(name, dtype, list, Value::Float),
    }
}

/// What the elements of a datatype are in JSON.
fn kind(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "true or false",
        DType::Bytes => "strings",
        _ => "numbers",
    }
}

fn convert<T: Element>(
    name: &str,
    dtype: DType,
    list: &Tensor,
    value: impl Fn(T) -> Value,
) -> Result<Bytes> {
    let copy;
    let values = match list.as_slice::<T>() {
        Some(values) => values,
        None => {
            copy = list.to_vec::<T>().unwrap_or_default();
            &copy
        }
    };
    let mut out = Vec::with_capacity(values.len() * dtype.size().unwrap_or_default());
    for (index, &element) in values.iter().enumerate() {
        let element = value(element);
        if !push(dtype, element, &mut out) {
            return Err(outside(name, dtype, index, &element));
        }
    }
    Ok(out.into())
}

/// Appends a number; false where the dtype cannot hold it.
#[inline]
fn push(dtype: DType, value: Value, out: &mut Vec<u8>) -> bool {
    macro_rules! integer {
        ($rust:ty) => {
            match whole(value).and_then(|value| <$rust>::try_from(value).ok()) {
                Some(value) => out.extend_from_slice(&value.to_le_bytes()),
                None => return false,
            }
        };
    }
    match dtype {
        DType::F32 => {
            let wide = float(value);
            #[expect(clippy::cast_possible_truncation, reason = "rounds, which is checked")]
            let narrow = wide as f32;
            if narrow.is_infinite() && wide.is_finite() {
                return false;
            }
            out.extend_from_slice(&narrow.to_le_bytes());
        }
        DType::F64 => out.extend_from_slice(&float(value).to_le_bytes()),
        DType::F16 => match f16(float(value)) {
            Some(bits) => out.extend_from_slice(&bits.to_le_bytes()),
            None => return false,
        },
        DType::I8 => integer!(i8),
        DType::I16 => integer!(i16),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        DType::U8 => integer!(u8),
        DType::U16 => integer!(u16),
        DType::U32 => integer!(u32),
        DType::U64 => integer!(u64),
        DType::Bool => match whole(value) {
            Some(value @ (0 | 1)) => out.push(u8::from(value == 1)),
            _ => return false,
        },
        DType::Bytes => return false,
    }
    true
}

#[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
fn float(value: Value) -> f64 {
    match value {
        Value::Int(value) => value as f64,
        Value::Float(value) => value,
    }
}

/// A number without a fraction, if it is sure to be what was written.
fn whole(value: Value) -> Option<i128> {
    match value {
        Value::Int(value) => Some(value),
        #[expect(clippy::cast_possible_truncation, reason = "checked before")]
        Value::Float(value) => {
            (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i128)
        }
    }
}

/// The bits of the nearest binary16; `None` for a finite number beyond all of them.
fn f16(value: f64) -> Option<u16> {
    const INFINITE: u16 = 0x7c00;
    let sign = u16::from(value.is_sign_negative()) << 15;
    let size = value.abs();
    if size.is_nan() {
        return Some(sign | INFINITE | 0x200);
    }
    if size.is_infinite() {
        return Some(sign | INFINITE);
    }
    // Those below the smallest normal one are multiples of 2^-24.
    let exponent = if size < 2_f64.powi(-14) {
        -14
    } else {
        // Of at most 11 bits.
        i32::try_from(size.to_bits() >> 52).unwrap_or_default() - 1023
    };
    if exponent > 15 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 2048"
    )]
    let steps = (size * 2_f64.powi(10 - exponent)).round_ties_even() as u16;
    // Where it is rounded up to the next power of two, the exponent grows with it.
    let exponent = u16::try_from(exponent + 14).unwrap_or_default();
    let bits = (exponent << 10) + steps;
    (bits < INFINITE).then_some(sign | bits)
}

/// Reads the element that stands here; `Some(false)` where the dtype cannot hold it, `None` where
/// it is no such element at all.
pub(super) fn element(cursor: &mut Cursor<'_>, dtype: DType, out: &mut Vec<u8>) -> Option<bool> {
    if dtype == DType::Bool {
        for (word, value) in [(&b"true"[..], 1), (b"false", 0)] {
            if cursor.take_word(word) {
                out.push(value);
                return Some(true);
            }
        }
    }
    let (start, bytes) = (cursor.pos, cursor.bytes());
    let (literal, end) = number::scan(bytes, start)?;
    let value = match literal {
        Literal::Int(value) => Value::Int(value.into()),
        Literal::Float(value) => Value::Float(value),
        Literal::BigInt => {
            let text = std::str::from_utf8(&bytes[start..end]).ok()?;
            match text.parse() {
                Ok(value) => Value::Int(value),
                Err(_) => Value::Float(number::rounded(bytes, start, end)?),
            }
        }
    };
    let fits = push(dtype, value, out);
    if fits {
        cursor.pos = end;
    }
    Some(fits)
}

#[cold]
fn outside(name: &str, dtype: DType, index: usize, value: &Value) -> streeling_core::Error {
    let value = match value {
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
    };
    bad(beyond(name, dtype, index, &value))
}

/// What an error says of an element that its datatype does not hold.
pub(super) fn beyond(name: &str, dtype: DType, index: usize, value: &str) -> String {
    macro_rules! bounds {
        ($rust:ty) => {
            format!("integers from {} to {}", <$rust>::MIN, <$rust>::MAX)
        };
    }
    let allowed = match dtype {
        DType::Bool => "true and false, or 1 and 0".to_owned(),
        DType::I8 => bounds!(i8),
        DType::I16 => bounds!(i16),
        DType::I32 => bounds!(i32),
        DType::I64 => bounds!(i64),
        DType::U8 => bounds!(u8),
        DType::U16 => bounds!(u16),
        DType::U32 => bounds!(u32),
        DType::U64 => bounds!(u64),
        DType::F16 => "numbers up to 65504".to_owned(),
        DType::F32 => "numbers up to 3.4028235e38".to_owned(),
        DType::F64 => "numbers up to 1.7976931348623157e308".to_owned(),
        DType::Bytes => "strings".to_owned(),
    };
    format!(
        "element {index} of {} is {value}, datatype {} holds {allowed}",
        Owner::Input(name),
        Datatype::Of(dtype).name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::float::f16_to_f64;

    #[test]
    fn every_binary16_is_its_own_nearest() {
        for bits in 0..=u16::MAX {
            let value = f16_to_f64(bits);
            if value.is_nan() {
                assert_eq!(f16(value).map(|bits| bits & 0x7fff), Some(0x7e00));
            } else {
                assert_eq!(f16(value), Some(bits), "{value}");
            }
        }
    }

    #[test]
    fn numbers_between_two_are_rounded_to_the_nearest_or_to_even() {
        for bits in 0..0x7bff_u16 {
            let (low, high) = (f16_to_f64(bits), f16_to_f64(bits + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(f16(middle), Some(bits + bits % 2), "{middle}");
            let step = (high - low) / 64.0;
            assert_eq!(f16(middle - step), Some(bits));
            assert_eq!(f16(-middle - step), Some((bits + 1) | 0x8000));
        }
        assert_eq!(f16(65519.99), Some(0x7bff));
        assert_eq!(f16(65520.0), None);
        assert_eq!(f16(-1e300), None);
        assert_eq!(f16(5e-324), Some(0));
        assert_eq!(f16(-0.0), Some(0x8000));
    }
}
