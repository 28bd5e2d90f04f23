//! TensorFlow's `TensorProto` in protobuf's JSON.

use bytes::Bytes;
use streeling_core::{DType, Tensor};

use crate::json::float::write_f32;
use crate::json::float_in_protobuf_form;
use crate::json::writer::{
    Object, encode_string, write_base64, write_int, write_list, write_tensor,
};
use crate::tensorflow::{Kind, Place, place};

/// Writes the `TensorProto` that TensorFlow makes of an array: what is empty or zero is left out,
/// integers of 64 bits are strings, and so are floats that JSON has no number for.
pub(super) fn write_tensor_proto(tensor: &Tensor, out: &mut Vec<u8>) {
    let kind = Kind::of(tensor.dtype());
    let mut object = Object::open(out);
    encode_string(kind.name(), object.field("dtype"));
    let mut shape = Object::open(object.field("tensorShape"));
    if !tensor.shape().is_empty() {
        write_list(tensor.shape(), shape.field("dim"), |&side, out| {
            let mut dim = Object::open(out);
            if side != 0 {
                write_quoted(side, dim.field("size"));
            }
            dim.close();
        });
    }
    shape.close();
    match place(tensor) {
        Place::Nowhere => {}
        Place::Content => write_base64(tensor.data(), object.field("tensorContent")),
        Place::List => write_elements(tensor, object.field(kind.list_name())),
    }
    object.close();
}

fn write_elements(tensor: &Tensor, out: &mut Vec<u8>) {
    let data: &Bytes = tensor.data();
    match tensor.dtype() {
        // The list of halves has their bits.
        DType::F16 => write_list(data.as_chunks().0, out, |&bits, out| {
            write_int(u16::from_le_bytes(bits), out);
        }),
        DType::F32 => write_list(data.as_chunks().0, out, |&element, out| {
            let value = f32::from_le_bytes(element);
            if value.is_finite() {
                write_f32(value, out);
            } else {
                float_in_protobuf_form(value.into(), out);
            }
        }),
        DType::F64 => write_list(data.as_chunks().0, out, |&element, out| {
            float_in_protobuf_form(f64::from_le_bytes(element), out);
        }),
        DType::I64 => write_list(data.as_chunks().0, out, |&element, out| {
            write_quoted(i64::from_le_bytes(element), out);
        }),
        DType::U64 => write_list(data.as_chunks().0, out, |&element, out| {
            write_quoted(u64::from_le_bytes(element), out);
        }),
        DType::Bytes => {
            let strings: Vec<&[u8]> = tensor.byte_elements().collect();
            write_list(&strings, out, |string, out| write_base64(string, out));
        }
        DType::Bool | DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => {
            write_tensor(tensor, &[tensor.len()], out);
        }
    }
}

fn write_quoted(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.push(b'"');
    write_int(value, out);
    out.push(b'"');
}
