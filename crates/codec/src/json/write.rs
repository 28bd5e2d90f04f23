//! Messages as JSON, straight from their buffers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use streeling_core::{
    Array, DType, Data, Feedback, Form, Message, Meta, Metric, Names, Number, Payload, Status,
    Table, Tensor,
};

use super::float::{f16_to_f64, write_f32, write_f64};
use super::scan::plain_end;

/// Appends a message: its payload, its `meta` (always, if only `{}`), and its `status` if it has
/// one.
///
/// A raw payload is the whole message, whatever it is.
///
/// Floats are written as Python's `repr` writes them (float32 and float16 as the float64 of the
/// same value), integers as integers.
pub fn encode_message(message: &Message, out: &mut Vec<u8>) {
    if let Payload::Raw(pieces) = &message.payload {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return;
    }
    let mut object = Object::open(out);
    match &message.payload {
        Payload::None | Payload::Text(_) | Payload::Raw(_) => {}
        Payload::Data(data) => write_data(data, object.field("data")),
        Payload::Binary(bytes) => write_base64(bytes, object.field("binData")),
        Payload::Json(json) => object.field("jsonData").extend_from_slice(json.as_bytes()),
        Payload::Custom { type_url, value } => {
            let mut custom = Object::open(object.field("customData"));
            encode_string(type_url, custom.field("typeUrl"));
            write_base64(value, custom.field("value"));
            custom.close();
        }
    }
    encode_meta(&message.meta, object.field("meta"));
    if let Some(status) = &message.status {
        write_status(status, object.field("status"));
    }
    if let Payload::Text(text) = &message.payload {
        encode_string(text, object.field("strData"));
    }
    object.close();
}

/// Appends a `SeldonMessageList`.
pub fn encode_messages(messages: &[Message], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"seldonMessages\":");
    write_list(messages, out, encode_message);
    out.push(b'}');
}

/// Appends a `Feedback`; the messages that it does not have are left out. The reward is written
/// with the digits of a float32.
pub fn encode_feedback(feedback: &Feedback, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    for (name, message) in [
        ("request", &feedback.request),
        ("response", &feedback.response),
        ("truth", &feedback.truth),
    ] {
        if let Some(message) = message {
            encode_message(message, object.field(name));
        }
    }
    write_f32(feedback.reward, object.field("reward"));
    object.close();
}

/// Appends `meta`: an object with only the parts that are there.
pub fn encode_meta(meta: &Meta, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    if let Some(puid) = &meta.puid {
        encode_string(puid, object.field("puid"));
    }
    if !meta.tags.is_empty() {
        write_table(&meta.tags, object.field("tags"), |tag, out| {
            out.extend_from_slice(tag.as_bytes());
        });
    }
    if !meta.routing.is_empty() {
        write_table(&meta.routing, object.field("routing"), |&branch, out| {
            write_int(branch, out);
        });
    }
    if !meta.request_path.is_empty() {
        write_table(
            &meta.request_path,
            object.field("requestPath"),
            |image, out| {
                encode_string(image, out);
            },
        );
    }
    if !meta.metrics.is_empty() {
        write_list(&meta.metrics, object.field("metrics"), write_metric);
    }
    for (name, value) in &meta.unknown {
        object.entry(name).extend_from_slice(value.as_bytes());
    }
    object.close();
}

/// Appends the names of columns: a list of strings.
pub fn encode_names(names: &Names, out: &mut Vec<u8>) {
    match names {
        Names::Given(names) => write_list(names, out, |name, out| encode_string(name, out)),
        Names::Numbered(count) => write_numbered(*count, out),
    }
}

/// Appends a number, as Python's `repr` writes it.
pub fn encode_float(value: f64, out: &mut Vec<u8>) {
    write_f64(value, out);
}

/// Appends a string in quotes. Quotes, backslashes and control characters are escaped, everything
/// else stays UTF-8.
pub fn encode_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
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
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'0', b'0', high, low]);
        }
        start = end + 1;
    }
    out.push(b'"');
}

/// An object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a name that needs no escapes; its value is to be written next.
    #[inline]
    fn field(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes any name; its value is to be written next.
    fn entry(&mut self, name: &str) -> &mut Vec<u8> {
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

    fn close(self) {
        self.out.push(b'}');
    }
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// Writes default names, which need no escapes.
fn write_numbered(count: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for column in 0..count {
        let open: &[u8] = if column > 0 { b",\"" } else { b"\"" };
        out.extend_from_slice(open);
        out.extend_from_slice(Names::PREFIX.as_bytes());
        write_int(column, out);
        out.push(b'"');
    }
    out.push(b']');
}

fn write_table<T>(table: &Table<T>, out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    let mut object = Object::open(out);
    for (name, value) in table {
        write(value, object.entry(name));
    }
    object.close();
}

#[inline]
fn write_int(value: impl itoa::Integer, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(value).as_bytes());
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let length = bytes.len().div_ceil(3) * 4;
    out.reserve(length + 2);
    out.push(b'"');
    let start = out.len();
    out.resize(start + length, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(length), "base64 of {} bytes", bytes.len());
    out.push(b'"');
}

fn write_status(status: &Status, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    write_int(status.code, object.field("code"));
    encode_string(&status.info, object.field("info"));
    encode_string(&status.reason, object.field("reason"));
    let name = if status.failure { "FAILURE" } else { "SUCCESS" };
    encode_string(name, object.field("status"));
    object.close();
}

fn write_metric(metric: &Metric, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    encode_string(&metric.key, object.field("key"));
    encode_string(metric.kind.name(), object.field("type"));
    match metric.value {
        Number::Int(value) => write_int(value, object.field("value")),
        Number::Float(value) => write_f64(value, object.field("value")),
    }
    if let Some(tags) = &metric.tags {
        write_table(tags, object.field("tags"), |value, out| {
            encode_string(value, out);
        });
    }
    object.close();
}

fn write_data(data: &Data, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    encode_names(&data.names, object.field("names"));
    let out = match data.form {
        Form::NdArray => object.field("ndarray"),
        Form::Tensor => object.field("tensor"),
        Form::TfTensor => object.field("tftensor"),
        Form::Empty => return object.close(),
    };
    match (&data.array, data.form) {
        (Array::Json(json), _) => out.extend_from_slice(json.as_bytes()),
        (Array::Typed(tensor), Form::Tensor) => {
            let mut parts = Object::open(out);
            write_list(tensor.shape(), parts.field("shape"), |&side, out| {
                write_int(side, out);
            });
            write_tensor(tensor, &[tensor.len()], parts.field("values"));
            parts.close();
        }
        (Array::Typed(tensor), Form::TfTensor) => write_tensor_proto(tensor, out),
        (Array::Typed(tensor), Form::NdArray | Form::Empty) => {
            write_tensor(tensor, tensor.shape(), out);
        }
    }
    object.close();
}

/// Writes TensorFlow's `TensorProto` in protobuf's JSON, where 64-bit integers are strings.
fn write_tensor_proto(tensor: &Tensor, out: &mut Vec<u8>) {
    let dtype = match tensor.dtype() {
        DType::Bool => "DT_BOOL",
        DType::I8 => "DT_INT8",
        DType::I16 => "DT_INT16",
        DType::I32 => "DT_INT32",
        DType::I64 => "DT_INT64",
        DType::U8 => "DT_UINT8",
        DType::U16 => "DT_UINT16",
        DType::U32 => "DT_UINT32",
        DType::U64 => "DT_UINT64",
        DType::F16 => "DT_HALF",
        DType::F32 => "DT_FLOAT",
        DType::F64 => "DT_DOUBLE",
    };
    let mut object = Object::open(out);
    encode_string(dtype, object.field("dtype"));
    let out = object.field("tensorShape");
    out.extend_from_slice(b"{\"dim\":");
    write_list(tensor.shape(), out, |&side, out| {
        out.extend_from_slice(b"{\"size\":\"");
        write_int(side, out);
        out.extend_from_slice(b"\"}");
    });
    out.push(b'}');
    write_base64(tensor.data(), object.field("tensorContent"));
    object.close();
}

/// Writes the elements of a tensor as lists nested by `shape`.
fn write_tensor(tensor: &Tensor, shape: &[usize], out: &mut Vec<u8>) {
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
    }
}

/// Writes lists nested by `shape`; an element is `N` bytes of `data`.
#[inline]
fn write_nested<const N: usize>(
    data: &[u8],
    shape: &[usize],
    out: &mut Vec<u8>,
    write: impl Fn([u8; N], &mut Vec<u8>),
) {
    /// Bytes of text that an element is taken to need.
    const GUESS: usize = 8;
    let (elements, _) = data.as_chunks::<N>();
    out.reserve(elements.len().saturating_mul(GUESS));
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
