//! JSON written: objects, lists, text, and arrays as nested lists, straight from their buffers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use streeling_core::{DType, Table, Tensor};

use super::float::{f16_to_f64, write_f64};
use super::scan::plain_end;

/// Appends a number, as Python's `repr` writes it.
pub fn encode_float(value: f64, out: &mut Vec<u8>) {
    write_f64(value, out);
}

/// Appends a float as protobuf's JSON has it: as text where JSON has no number for it.
pub(crate) fn float_in_protobuf_form(value: f64, out: &mut Vec<u8>) {
    let quote: &[u8] = if value.is_finite() { b"" } else { b"\"" };
    out.extend_from_slice(quote);
    encode_float(value, out);
    out.extend_from_slice(quote);
}

/// Appends a string in quotes. Quotes, backslashes and control characters are escaped, everything
/// else stays UTF-8.
pub fn encode_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Writes bytes as a string. Those that are not UTF-8 become escaped halves of surrogate pairs, as
/// Python's `surrogateescape` has it, so that none is lost.
fn write_byte_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        write_escaped(chunk.valid(), out);
        for &byte in chunk.invalid() {
            out.extend_from_slice(b"\\udc");
            write_hex(byte, out);
        }
    }
    out.push(b'"');
}

#[inline]
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    loop {
        let end = plain_end(bytes, start);
        out.extend_from_slice(&bytes[start..end]);
        let Some(&byte) = bytes.get(end) else { break };
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => b'u',
        };
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(b"00");
            write_hex(byte, out);
        }
        start = end + 1;
    }
}

fn write_hex(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a name that needs no escapes; its value is to be written next.
    #[inline]
    pub(crate) fn field(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes any name; its value is to be written next.
    pub(crate) fn entry(&mut self, name: &str) -> &mut Vec<u8> {
        self.separate();
        encode_string(name, self.out);
        self.out.push(b':');
        self.out
    }

    #[inline]
    fn separate(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}

pub(crate) fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

pub(crate) fn write_table<T>(
    table: &Table<T>,
    out: &mut Vec<u8>,
    write: impl Fn(&T, &mut Vec<u8>),
) {
    let mut object = Object::open(out);
    for (name, value) in table {
        write(value, object.entry(name));
    }
    object.close();
}

#[inline]
pub(crate) fn write_int(value: impl itoa::Integer, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(value).as_bytes());
}

pub(crate) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let length = bytes.len().div_ceil(3) * 4;
    out.reserve(length + 2);
    out.push(b'"');
    let start = out.len();
    out.resize(start + length, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(length), "base64 of {} bytes", bytes.len());
    out.push(b'"');
}

/// Writes the elements of a tensor as lists nested by `shape`; bytes are written as strings.
pub(crate) fn write_tensor(tensor: &Tensor, shape: &[usize], out: &mut Vec<u8>) {
    let data = tensor.data();
    match tensor.dtype() {
        DType::Bool => write_nested(data, shape, out, |[byte], out| {
            out.extend_from_slice(if byte == 0 { b"false" } else { b"true" });
        }),
        DType::I8 => write_nested(data, shape, out, |b, out| {
            write_int(i8::from_le_bytes(b), out);
        }),
        DType::I16 => write_nested(data, shape, out, |b, out| {
            write_int(i16::from_le_bytes(b), out);
        }),
        DType::I32 => write_nested(data, shape, out, |b, out| {
            write_int(i32::from_le_bytes(b), out);
        }),
        DType::I64 => write_nested(data, shape, out, |b, out| {
            write_int(i64::from_le_bytes(b), out);
        }),
        DType::U8 => write_nested(data, shape, out, |[b], out| write_int(b, out)),
        DType::U16 => write_nested(data, shape, out, |b, out| {
            write_int(u16::from_le_bytes(b), out);
        }),
        DType::U32 => write_nested(data, shape, out, |b, out| {
            write_int(u32::from_le_bytes(b), out);
        }),
        DType::U64 => write_nested(data, shape, out, |b, out| {
            write_int(u64::from_le_bytes(b), out);
        }),
        DType::F16 => write_nested(data, shape, out, |b, out| {
            write_f64(f16_to_f64(u16::from_le_bytes(b)), out);
        }),
        DType::F32 => write_nested(data, shape, out, |b, out| {
            write_f64(f32::from_le_bytes(b).into(), out);
        }),
        DType::F64 => write_nested(data, shape, out, |b, out| {
            write_f64(f64::from_le_bytes(b), out);
        }),
        DType::Bytes => {
            let elements: Vec<&[u8]> = tensor.byte_elements().collect();
            write_lists(&elements, shape, out, write_byte_string);
        }
    }
}

/// Writes lists nested by `shape`; an element is `N` bytes of `data`.
#[inline]
pub(crate) fn write_nested<const N: usize>(
    data: &[u8],
    shape: &[usize],
    out: &mut Vec<u8>,
    write: impl Fn([u8; N], &mut Vec<u8>),
) {
    /// Bytes of text that an element is taken to need.
    const GUESS: usize = 8;
    let (elements, _) = data.as_chunks::<N>();
    out.reserve(elements.len().saturating_mul(GUESS));
    write_lists(elements, shape, out, write);
}

/// Writes elements in lists nested by `shape`.
#[inline]
fn write_lists<E: Copy>(
    elements: &[E],
    shape: &[usize],
    out: &mut Vec<u8>,
    write: impl Fn(E, &mut Vec<u8>),
) {
    // A list of length zero has no lists in it.
    let levels = shape
        .iter()
        .position(|&side| side == 0)
        .map_or(shape.len(), |zero| zero + 1);
    let Some((&inner, outer)) = shape[..levels].split_last() else {
        for &element in elements {
            write(element, out);
        }
        return;
    };
    repeat(b'[', levels, out);
    let mut rest = elements;
    let mut row = 0_usize;
    loop {
        let (elements, after) = rest.split_at(inner.min(rest.len()));
        rest = after;
        if let Some((&first, others)) = elements.split_first() {
            write(first, out);
            for &element in others {
                out.push(b',');
                write(element, out);
            }
        }
        row += 1;
        // How many lists around this row end with it.
        let mut done = row;
        let mut closed = 0;
        for &side in outer.iter().rev() {
            if !done.is_multiple_of(side) {
                break;
            }
            done /= side;
            closed += 1;
        }
        repeat(b']', closed + 1, out);
        if closed == outer.len() {
            return;
        }
        out.push(b',');
        repeat(b'[', closed + 1, out);
    }
}

#[inline]
fn repeat(byte: u8, times: usize, out: &mut Vec<u8>) {
    for _ in 0..times {
        out.push(byte);
    }
}
