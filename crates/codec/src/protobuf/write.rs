//! Fields written to the wire.

use std::convert::Infallible;

/// Appends a varint.
#[inline]
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Bytes that a varint takes.
pub(crate) fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Bytes that a field with a length takes; its number is below 16.
pub(crate) fn field_len(length: usize) -> usize {
    1 + varint_len(length) + length
}

/// Appends the head of a field with a length.
pub(crate) fn head(number: u32, length: usize, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
    varint(length as u64, out);
}

/// Appends bytes or text, unless they are empty.
pub(crate) fn bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        present_bytes(number, bytes, out);
    }
}

/// Appends bytes or text.
pub(crate) fn present_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    head(number, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends an integer of 32 or 64 bits, unless it is zero.
pub(crate) fn integer(number: u32, value: i64, out: &mut Vec<u8>) {
    if value != 0 {
        varint(u64::from(number << 3), out);
        varint(u64::from_le_bytes(value.to_le_bytes()), out);
    }
}

/// Appends a float32, unless it is zero.
pub(crate) fn float32(number: u32, value: f32, out: &mut Vec<u8>) {
    if value.to_bits() != 0 {
        varint(u64::from(number << 3 | 5), out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a message of unknown length: what is written is moved up once its length is known, so
/// this is for short ones.
pub(crate) fn nested<E>(
    number: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    varint(u64::from(number << 3 | 2), out);
    let at = out.len();
    out.push(0);
    write(out)?;
    let length = out.len() - at - 1;
    let more = varint_len(length) - 1;
    if more > 0 {
        out.resize(out.len() + more, 0);
        out.copy_within(at + 1..at + 1 + length, at + 1 + more);
    }
    let mut rest = length;
    for slot in &mut out[at..=at + more] {
        *slot = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
    }
    out[at + more] &= 0x7f;
    Ok(())
}

/// Takes the result of writing what every message can hold.
pub(crate) fn infallible(result: Result<(), Infallible>) {
    match result {
        Ok(()) => {}
        Err(never) => match never {},
    }
}
