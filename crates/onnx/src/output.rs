//! Numbers on their way out.

use bytes::Bytes;
use streeling_core::{Array, Elements, Layout, Names, Payload, RawJson, Tensor};
use tract_onnx::prelude::{Datum, DatumType, Tensor as TractTensor};

use crate::input::Kind;

/// The payload of an output; its columns have these names where there are as many.
pub(crate) fn payload(output: &TractTensor, names: Option<&[String]>) -> Result<Payload, String> {
    let elements = elements(output)?;
    let has_names = |names: &&[String]| output.rank() == 2 && output.shape()[1] == names.len();
    let names = match names.filter(has_names) {
        Some(names) => Names::Given(names.to_vec()),
        None => Names::Unset,
    };
    // Lists are the one way to write text; numbers are written as the request was.
    let layout = match elements {
        Elements::Json(_) => Layout::Nested,
        Elements::Typed(_) => Layout::Unset,
    };
    Ok(Payload::Array(Array {
        names,
        layout,
        elements,
    }))
}

fn elements(output: &TractTensor) -> Result<Elements, String> {
    if output.datum_type() == String::datum_type() {
        let values = output
            .as_slice::<String>()
            .map_err(|error| error.to_string())?;
        return Ok(Elements::Json(nested(values, output.shape())));
    }
    let shape = output.shape().to_vec();
    let output = output
        .cast_to_dt(numbers(output.datum_type()))
        .map_err(|error| error.to_string())?;
    let tensor = match Kind::of(output.datum_type())? {
        Kind::Float32 => Tensor::from_vec(shape, values::<f32>(&output)?),
        Kind::Float64 => Tensor::from_vec(shape, values::<f64>(&output)?),
        Kind::Int64 => Tensor::from_vec(shape, values::<i64>(&output)?),
        Kind::Int32 => Tensor::from_vec(shape, values::<i32>(&output)?),
        Kind::Uint8 => Tensor::from_vec(shape, values::<u8>(&output)?),
        Kind::Bool => Tensor::from_bools(shape, values::<bool>(&output)?),
    };
    tensor
        .map(Elements::Typed)
        .map_err(|error| error.to_string())
}

fn values<T: Datum + Copy>(output: &TractTensor) -> Result<Vec<T>, String> {
    let values = output.as_slice::<T>().map_err(|error| error.to_string())?;
    Ok(values.to_vec())
}

/// Text as nested lists.
fn nested(values: &[String], shape: &[usize]) -> RawJson {
    fn write(values: &[String], shape: &[usize], out: &mut String) {
        let Some((side, rest)) = shape.split_first() else {
            out.extend(
                values
                    .iter()
                    .map(|text| serde_json::Value::from(&**text).to_string()),
            );
            return;
        };
        out.push('[');
        let length: usize = rest.iter().product();
        for at in 0..*side {
            if at > 0 {
                out.push(',');
            }
            write(&values[at * length..][..length], rest, out);
        }
        out.push(']');
    }
    let mut out = String::new();
    write(values, shape, &mut out);
    RawJson::from_checked(Bytes::from(out))
}

/// What numbers of a type are sent as: those that tract computes sides of shapes with are integers
/// in the file.
fn numbers(datum_type: DatumType) -> DatumType {
    match datum_type {
        DatumType::TDim => DatumType::I64,
        other => other,
    }
}

/// Whether an output of this type can be sent; `Err` says what can.
pub(crate) fn check(datum_type: DatumType) -> Result<&'static str, String> {
    if datum_type == String::datum_type() {
        return Ok("BYTES");
    }
    Kind::of(numbers(datum_type)).map(Kind::described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_nested_lists() {
        let values = ["a", "\"", "c", "d"].map(str::to_owned);
        for (shape, expected) in [
            (&[4][..], r#"["a","\"","c","d"]"#),
            (&[2, 2], r#"[["a","\""],["c","d"]]"#),
            (&[4, 1], r#"[["a"],["\""],["c"],["d"]]"#),
        ] {
            assert_eq!(nested(&values, shape).as_bytes(), expected.as_bytes());
        }
        assert_eq!(nested(&[], &[0]).as_bytes(), b"[]");
        assert_eq!(nested(&[], &[0, 2]).as_bytes(), b"[]");
    }
}
