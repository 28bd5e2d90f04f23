//! Typed elements written, straight from their buffers.

use streeling_core::{DType, Tensor};

use super::contents::list;
use crate::protobuf::write::{field_len, head, present_bytes, varint};

/// Bytes of the contents of a tensor; none where it has no elements, or no list for them.
pub(super) fn contents_len(tensor: &Tensor) -> usize {
    if tensor.dtype() == DType::Bytes {
        let elements = tensor.byte_elements();
        return elements.map(|element| field_len(element.len())).sum();
    }
    match packed_len(tensor) {
        0 => 0,
        length => field_len(length),
    }
}

/// Appends the contents of a tensor.
pub(super) fn write_contents(tensor: &Tensor, out: &mut Vec<u8>) {
    let Some(number) = list(tensor.dtype()) else {
        return;
    };
    if tensor.dtype() == DType::Bytes {
        for element in tensor.byte_elements() {
            present_bytes(number, element, out);
        }
        return;
    }
    head(number, packed_len(tensor), out);
    if is_verbatim(tensor.dtype()) {
        out.extend_from_slice(tensor.data());
    } else {
        integers(tensor, |value| varint(value, out));
    }
}

/// Whether elements are in memory as they are on the wire.
fn is_verbatim(dtype: DType) -> bool {
    matches!(dtype, DType::Bool | DType::F32 | DType::F64)
}

/// Bytes of a packed list.
fn packed_len(tensor: &Tensor) -> usize {
    if is_verbatim(tensor.dtype()) {
        return tensor.data().len();
    }
    let mut length = 0;
    integers(tensor, |value| length += wide_len(value));
    length
}

/// Bytes that a varint of 64 bits takes.
fn wide_len(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Calls `each` with every integer as it is on the wire: signed ones with their sign in all 64
/// bits.
fn integers(tensor: &Tensor, mut each: impl FnMut(u64)) {
    fn signed<const N: usize>(
        data: &[u8],
        each: &mut impl FnMut(u64),
        convert: impl Fn([u8; N]) -> i64,
    ) {
        for &element in data.as_chunks::<N>().0 {
            each(u64::from_le_bytes(convert(element).to_le_bytes()));
        }
    }
    fn unsigned<const N: usize>(
        data: &[u8],
        each: &mut impl FnMut(u64),
        convert: impl Fn([u8; N]) -> u64,
    ) {
        for &element in data.as_chunks::<N>().0 {
            each(convert(element));
        }
    }
    let data = tensor.data();
    let each = &mut each;
    match tensor.dtype() {
        DType::I8 => signed(data, each, |bytes| i8::from_le_bytes(bytes).into()),
        DType::I16 => signed(data, each, |bytes| i16::from_le_bytes(bytes).into()),
        DType::I32 => signed(data, each, |bytes| i32::from_le_bytes(bytes).into()),
        DType::I64 => signed(data, each, i64::from_le_bytes),
        DType::U8 => unsigned(data, each, |bytes| u8::from_le_bytes(bytes).into()),
        DType::U16 => unsigned(data, each, |bytes| u16::from_le_bytes(bytes).into()),
        DType::U32 => unsigned(data, each, |bytes| u32::from_le_bytes(bytes).into()),
        DType::U64 => unsigned(data, each, u64::from_le_bytes),
        DType::Bool | DType::F16 | DType::F32 | DType::F64 | DType::Bytes => {}
    }
}
