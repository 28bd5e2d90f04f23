//! Arrays written as protobuf, straight from their buffers.

use std::convert::Infallible;

use streeling_core::{Array, DType, Elements, Layout, Names, RawJson, Tensor};

use super::encode_error::{EncodeError, Result};
use super::encode_json::{write_json_tensor, write_list};
use super::encode_rows::{Rows, write_string_rows};
use crate::json::float::f16_to_f64;
use crate::protobuf::write::{
    bytes, field_len, head, infallible, integer, nested, present_bytes, varint,
};
use crate::seldon::json::tftensor;
use crate::tensorflow::{Kind, Place, place};

/// Bytes that the names of columns take.
fn names_len(names: &Names) -> usize {
    match names {
        Names::Unset | Names::Json(_) => 0,
        Names::Given(names) => names.iter().map(|name| field_len(name.len())).sum(),
        Names::Numbered(count) => (0..*count)
            .map(|column| field_len(default_len(column)))
            .sum(),
    }
}

/// Bytes of a default name.
fn default_len(column: usize) -> usize {
    let digits = column.checked_ilog10().unwrap_or(0) as usize + 1;
    Names::PREFIX.len() + digits
}

fn write_names(names: &Names, out: &mut Vec<u8>) {
    match names {
        // Protobuf cannot say it.
        Names::Unset | Names::Json(_) => {}
        Names::Given(names) => {
            for name in names {
                present_bytes(1, name.as_bytes(), out);
            }
        }
        Names::Numbered(count) => {
            let mut digits = itoa::Buffer::new();
            for column in 0..*count {
                head(1, default_len(column), out);
                out.extend_from_slice(Names::PREFIX.as_bytes());
                out.extend_from_slice(digits.format(column).as_bytes());
            }
        }
    }
}

/// Appends `data`.
pub(super) fn write_array(array: &Array, out: &mut Vec<u8>) -> Result<()> {
    let names = names_len(&array.names);
    let write_names = |out: &mut Vec<u8>| write_names(&array.names, out);
    match (&array.elements, array.layout) {
        (_, Layout::Unset) => {
            head(3, names, out);
            write_names(out);
        }
        (Elements::Typed(tensor), layout) if tensor.dtype() == DType::Bytes => {
            nested(3, out, |out| {
                write_names(out);
                match layout {
                    Layout::Nested => nested(3, out, |out| write_string_rows(tensor, out)),
                    Layout::Flat => Err(EncodeError {
                        place: "data.tensor",
                        what: "strings",
                    }),
                    Layout::TensorProto => nested(4, out, |out| {
                        write_strings(tensor.shape(), tensor.byte_elements(), out);
                        Ok(())
                    }),
                    Layout::Unset => Ok(()),
                }
            })?;
        }
        (Elements::Typed(tensor), Layout::Flat) => {
            let shape = tensor_shape(tensor)?;
            let values = tensor.len().saturating_mul(8);
            let length = shape.len() + if values == 0 { 0 } else { field_len(values) };
            out.reserve(length + names + 32);
            head(3, names + field_len(length), out);
            write_names(out);
            head(2, length, out);
            out.extend_from_slice(&shape);
            if values > 0 {
                head(2, values, out);
                write_floats(tensor, out);
            }
        }
        (Elements::Typed(tensor), Layout::Nested) => {
            let rows = Rows::new(tensor)?;
            out.reserve(rows.length + names + 32);
            head(3, names + field_len(rows.length), out);
            write_names(out);
            head(3, rows.length, out);
            rows.write(tensor, out);
        }
        (Elements::Typed(tensor), Layout::TensorProto) => {
            let shape = proto_shape(Kind::of(tensor.dtype()), tensor.shape());
            let mut list = Vec::new();
            let mut content = &b""[..];
            match place(tensor) {
                Place::Nowhere => {}
                Place::Content => content = tensor.data(),
                Place::List => write_proto_list(tensor, &mut list),
            }
            let length = shape.len()
                + list.len()
                + if content.is_empty() {
                    0
                } else {
                    field_len(content.len())
                };
            out.reserve(length + names + 32);
            head(3, names + field_len(length), out);
            write_names(out);
            head(4, length, out);
            out.extend_from_slice(&shape);
            bytes(4, content, out);
            out.extend_from_slice(&list);
        }
        (Elements::Json(json), layout) => nested(3, out, |out| {
            write_names(out);
            match layout {
                Layout::Nested => nested(3, out, |out| write_list(json, out)),
                Layout::Flat => nested(2, out, |out| write_json_tensor(json, out)),
                Layout::TensorProto => nested(4, out, |out| write_json_proto(json, out)),
                Layout::Unset => Ok(()),
            }
        })?,
    }
    Ok(())
}

/// The field `shape` of a `Tensor`.
fn tensor_shape(tensor: &Tensor) -> Result<Vec<u8>> {
    let mut sides = Vec::new();
    for &side in tensor.shape() {
        let side = i32::try_from(side).map_err(|_| EncodeError {
            place: "data.tensor.shape",
            what: "a side beyond 32 bits",
        })?;
        varint(u64::from(side.unsigned_abs()), &mut sides);
    }
    let mut field = Vec::new();
    bytes(1, &sides, &mut field);
    Ok(field)
}

/// The fields `dtype` and `tensor_shape` of a `TensorProto`.
fn proto_shape(kind: Kind, shape: &[usize]) -> Vec<u8> {
    let mut fields = Vec::new();
    integer(1, kind.number().into(), &mut fields);
    infallible(nested(2, &mut fields, |out| {
        for &side in shape {
            nested::<Infallible>(2, out, |out| {
                #[expect(clippy::cast_possible_wrap, reason = "no buffer is that long")]
                integer(1, side as i64, out);
                Ok(())
            })?;
        }
        Ok(())
    }));
    fields
}

/// Appends every element as a float64.
fn write_floats(tensor: &Tensor, out: &mut Vec<u8>) {
    fn each<const N: usize>(data: &[u8], out: &mut Vec<u8>, convert: impl Fn([u8; N]) -> f64) {
        for &element in data.as_chunks::<N>().0 {
            out.extend_from_slice(&convert(element).to_le_bytes());
        }
    }
    let data = tensor.data();
    #[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
    match tensor.dtype() {
        DType::F64 => out.extend_from_slice(data),
        DType::F32 => each(data, out, |b| f32::from_le_bytes(b).into()),
        DType::F16 => each(data, out, |b| f16_to_f64(u16::from_le_bytes(b))),
        DType::I64 => each(data, out, |b| i64::from_le_bytes(b) as f64),
        DType::U64 => each(data, out, |b| u64::from_le_bytes(b) as f64),
        DType::I32 => each(data, out, |b| i32::from_le_bytes(b).into()),
        DType::U32 => each(data, out, |b| u32::from_le_bytes(b).into()),
        DType::I16 => each(data, out, |b| i16::from_le_bytes(b).into()),
        DType::U16 => each(data, out, |b| u16::from_le_bytes(b).into()),
        DType::I8 => each(data, out, |b| i8::from_le_bytes(b).into()),
        DType::U8 | DType::Bool => each(data, out, |b| u8::from_le_bytes(b).into()),
        DType::Bytes => unreachable!("strings are not written from here"),
    }
}

/// Appends the list of a `TensorProto` of numbers.
fn write_proto_list(tensor: &Tensor, out: &mut Vec<u8>) {
    /// Packs elements of `N` bytes as varints; negative ones take ten bytes, as protobuf has it.
    fn packed<const N: usize>(data: &[u8], convert: impl Fn([u8; N]) -> i64) -> Vec<u8> {
        let mut list = Vec::new();
        for &element in data.as_chunks::<N>().0 {
            varint(convert(element).cast_unsigned(), &mut list);
        }
        list
    }
    let data = tensor.data();
    let list = match tensor.dtype() {
        DType::F32 | DType::F64 => data.to_vec(),
        DType::Bool | DType::U8 => packed(data, |b| u8::from_le_bytes(b).into()),
        DType::I8 => packed(data, |b| i8::from_le_bytes(b).into()),
        DType::I16 => packed(data, |b| i16::from_le_bytes(b).into()),
        DType::U16 | DType::F16 => packed(data, |b| u16::from_le_bytes(b).into()),
        DType::I32 => packed(data, |b| i32::from_le_bytes(b).into()),
        DType::U32 => packed(data, |b| u32::from_le_bytes(b).into()),
        DType::I64 => packed(data, i64::from_le_bytes),
        DType::U64 => packed(data, |b| u64::from_le_bytes(b).cast_signed()),
        DType::Bytes => unreachable!("strings are not written from here"),
    };
    bytes(Kind::of(tensor.dtype()).list(), &list, out);
}

/// Appends the fields of a `TensorProto` that is in protobuf's JSON.
fn write_json_proto(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    const UNKNOWN: EncodeError = EncodeError {
        place: "data.tftensor",
        what: "JSON that is no array of numbers, complex numbers or strings",
    };
    let parts = tftensor::parts(json.as_bytes()).ok_or(UNKNOWN)?;
    match parts.kind {
        Kind::Strings => {
            write_strings(&parts.shape, parts.strings.iter().map(Vec::as_slice), out);
        }
        Kind::Complex64 | Kind::Complex128 => {
            out.extend_from_slice(&proto_shape(parts.kind, &parts.shape));
            bytes(parts.kind.list(), &parts.list, out);
        }
        Kind::Numbers(_) => return Err(UNKNOWN),
    }
    Ok(())
}

/// Appends the fields of a `TensorProto` of strings.
fn write_strings<'a>(shape: &[usize], strings: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(&proto_shape(Kind::Strings, shape));
    for string in strings {
        present_bytes(Kind::Strings.list(), string, out);
    }
}
