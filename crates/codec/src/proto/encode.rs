//! Messages written as protobuf.

use std::convert::Infallible;

use streeling_core::{
    Array, DType, Data, Feedback, Form, Message, Meta, Metric, MetricKind, Names, Payload, RawJson,
    Status, Table, Tensor,
};

use super::write::{bytes, field_len, float32, head, integer, nested, present_bytes, varint};
use crate::json::f16_to_f64;
use crate::json::number::{self, Literal};
use crate::json::scan::Cursor;
use crate::json::tftensor;
use crate::tftensor::Kind;

/// A message that protobuf cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protobuf cannot hold {what} in {place}")]
pub struct EncodeError {
    place: &'static str,
    what: &'static str,
}

type Result<T> = std::result::Result<T, EncodeError>;

/// Appends a `SeldonMessage`; its `meta` is always there, if only empty.
///
/// Whatever its dtype, an array becomes float64 (bool stays bool in an `ndarray`) unless it is a
/// `tftensor`, which keeps it. The fields come in the order of their numbers.
///
/// # Errors
///
/// [`EncodeError`] for a scalar as `ndarray`, half of a surrogate pair in JSON text, a side beyond
/// 32 bits in a `tensor`, and for JSON that is no `tensor` or `tftensor` where it stands for one.
/// What has been appended by then is to be thrown away.
pub fn encode_message(message: &Message, out: &mut Vec<u8>) -> Result<()> {
    if let Payload::Raw(pieces) = &message.payload {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return Ok(());
    }
    write_message(message, true, out)
}

fn write_message(message: &Message, with_meta: bool, out: &mut Vec<u8>) -> Result<()> {
    if let Some(status) = &message.status {
        fine(nested(1, out, |out| {
            write_status(status, out);
            Ok(())
        }));
    }
    if with_meta {
        nested(2, out, |out| write_meta(&message.meta, out))?;
    }
    match &message.payload {
        Payload::None | Payload::Raw(_) => {}
        Payload::Data(data) => write_data(data, out)?,
        Payload::Binary(binary) => present_bytes(4, binary, out),
        Payload::Text(text) => present_bytes(5, text.as_bytes(), out),
        Payload::Json(json) => nested(6, out, |out| write_json(json, "jsonData", out))?,
        Payload::Custom { type_url, value } => {
            let length = |bytes: &[u8]| {
                if bytes.is_empty() {
                    0
                } else {
                    field_len(bytes.len())
                }
            };
            head(7, length(type_url.as_bytes()) + length(value), out);
            bytes(1, type_url.as_bytes(), out);
            bytes(2, value, out);
        }
    }
    Ok(())
}

/// Appends a `SeldonMessageList`.
///
/// # Errors
///
/// As [`encode_message`].
pub fn encode_messages(messages: &[Message], out: &mut Vec<u8>) -> Result<()> {
    messages
        .iter()
        .try_for_each(|message| nested(1, out, |out| encode_message(message, out)))
}

/// Appends a `Feedback`; the messages that it does not have are left out, and so is their `meta`
/// where it is empty.
///
/// # Errors
///
/// As [`encode_message`].
pub fn encode_feedback(feedback: &Feedback, out: &mut Vec<u8>) -> Result<()> {
    let part = |number, message: &Message, out: &mut Vec<u8>| {
        let with_meta = !message.meta.is_empty();
        nested(number, out, |out| write_message(message, with_meta, out))
    };
    for (number, message) in [(1, &feedback.request), (2, &feedback.response)] {
        if let Some(message) = message {
            part(number, message, out)?;
        }
    }
    float32(3, feedback.reward, out);
    if let Some(truth) = &feedback.truth {
        part(4, truth, out)?;
    }
    Ok(())
}

fn fine(result: std::result::Result<(), Infallible>) {
    match result {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

fn write_status(status: &Status, out: &mut Vec<u8>) {
    integer(1, status.code.into(), out);
    bytes(2, status.info.as_bytes(), out);
    bytes(3, status.reason.as_bytes(), out);
    integer(4, status.failure.into(), out);
}

/// What protobuf does not know of `meta` is left out.
fn write_meta(meta: &Meta, out: &mut Vec<u8>) -> Result<()> {
    bytes(1, meta.puid.as_deref().unwrap_or_default().as_bytes(), out);
    for (key, value) in &meta.tags {
        nested(2, out, |out| {
            bytes(1, key.as_bytes(), out);
            nested(2, out, |out| write_json(value, "meta.tags", out))
        })?;
    }
    for (key, &branch) in &meta.routing {
        fine(nested(3, out, |out| {
            bytes(1, key.as_bytes(), out);
            integer(2, branch.into(), out);
            Ok(())
        }));
    }
    write_texts(4, &meta.request_path, out);
    for metric in &meta.metrics {
        fine(nested(5, out, |out| {
            write_metric(metric, out);
            Ok(())
        }));
    }
    Ok(())
}

fn write_metric(metric: &Metric, out: &mut Vec<u8>) {
    bytes(1, metric.key.as_bytes(), out);
    let kind = match metric.kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Timer => 2,
    };
    integer(2, kind, out);
    #[expect(clippy::cast_possible_truncation, reason = "the field has 32 bits")]
    float32(3, metric.value.as_f64() as f32, out);
    if let Some(tags) = &metric.tags {
        write_texts(4, tags, out);
    }
}

fn write_texts(number: u32, table: &Table<String>, out: &mut Vec<u8>) {
    for (key, value) in table {
        fine(nested(number, out, |out| {
            bytes(1, key.as_bytes(), out);
            bytes(2, value.as_bytes(), out);
            Ok(())
        }));
    }
}

/// Bytes that the names of columns take.
fn names_len(names: &Names) -> usize {
    match names {
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

fn write_data(data: &Data, out: &mut Vec<u8>) -> Result<()> {
    let names = names_len(&data.names);
    let write_names = |out: &mut Vec<u8>| write_names(&data.names, out);
    match (&data.array, data.form) {
        (_, Form::Empty) => {
            head(3, names, out);
            write_names(out);
        }
        (Array::Typed(tensor), Form::Tensor) => {
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
        (Array::Typed(tensor), Form::NdArray) => {
            let rows = Rows::new(tensor)?;
            out.reserve(rows.length + names + 32);
            head(3, names + field_len(rows.length), out);
            write_names(out);
            head(3, rows.length, out);
            rows.write(tensor, out);
        }
        (Array::Typed(tensor), Form::TfTensor) => {
            let shape = proto_shape(Kind::Numbers(tensor.dtype()), tensor.shape());
            let content = tensor.data();
            let length = shape.len()
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
        }
        (Array::Json(json), form) => nested(3, out, |out| {
            write_names(out);
            match form {
                Form::NdArray => nested(3, out, |out| write_list(json, out)),
                Form::Tensor => nested(2, out, |out| write_json_tensor(json, out)),
                Form::TfTensor => nested(4, out, |out| write_strings(json, out)),
                Form::Empty => Ok(()),
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
    fine(nested(2, &mut fields, |out| {
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
    }
}

/// A tensor as nested lists, whose lengths are all known from its shape.
struct Rows {
    /// Bytes of the contents of a list, by level.
    contents: Vec<usize>,
    sides: Vec<usize>,
    length: usize,
}

impl Rows {
    fn new(tensor: &Tensor) -> Result<Self> {
        let refused = |what| EncodeError {
            place: "data.ndarray",
            what,
        };
        let sides = tensor.shape();
        // A list of length zero has no lists in it.
        let levels = sides
            .iter()
            .position(|&side| side == 0)
            .map_or(sides.len(), |zero| zero + 1);
        let sides = sides[..levels].to_vec();
        if sides.is_empty() {
            return Err(refused("a scalar"));
        }
        let mut element = if tensor.dtype() == DType::Bool { 2 } else { 9 };
        let mut contents = Vec::with_capacity(levels);
        for &side in sides.iter().rev() {
            let content = side.checked_mul(field_len(element));
            // Protobuf's own limit.
            let content = content.filter(|&content| content <= i32::MAX as usize);
            let content = content.ok_or(refused("more than 2 GiB"))?;
            contents.push(content);
            element = field_len(content);
        }
        contents.reverse();
        Ok(Self {
            length: contents[0],
            contents,
            sides,
        })
    }

    fn write(&self, tensor: &Tensor, out: &mut Vec<u8>) {
        let size = tensor.dtype().size();
        let inner = self.sides[self.sides.len() - 1];
        let mut rows = tensor.data().chunks(size * inner.max(1));
        self.level(0, tensor.dtype(), &mut rows, out);
    }

    fn level<'a>(
        &self,
        level: usize,
        dtype: DType,
        rows: &mut impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) {
        if level + 1 == self.sides.len() {
            if let Some(row) = rows.next() {
                write_row(row, dtype, out);
            }
            return;
        }
        let content = self.contents[level + 1];
        for _ in 0..self.sides[level] {
            // An element, which is a value, which holds a list.
            head(1, field_len(content), out);
            head(6, content, out);
            self.level(level + 1, dtype, rows, out);
        }
    }
}

fn write_row(row: &[u8], dtype: DType, out: &mut Vec<u8>) {
    #[inline]
    fn each<const N: usize>(row: &[u8], out: &mut Vec<u8>, convert: impl Fn([u8; N]) -> f64) {
        let (elements, _) = row.as_chunks::<N>();
        let start = out.len();
        out.resize(start + elements.len() * 11, 0);
        let (slots, _) = out[start..].as_chunks_mut::<11>();
        for (slot, &element) in slots.iter_mut().zip(elements) {
            let [a, b, c, d, e, f, g, h] = convert(element).to_le_bytes();
            *slot = [0x0a, 0x09, 0x11, a, b, c, d, e, f, g, h];
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
    match dtype {
        DType::Bool => {
            for &element in row {
                out.extend_from_slice(&[0x0a, 0x02, 0x20, element]);
            }
        }
        DType::F64 => each(row, out, f64::from_le_bytes),
        DType::F32 => each(row, out, |b| f32::from_le_bytes(b).into()),
        DType::F16 => each(row, out, |b| f16_to_f64(u16::from_le_bytes(b))),
        DType::I64 => each(row, out, |b| i64::from_le_bytes(b) as f64),
        DType::U64 => each(row, out, |b| u64::from_le_bytes(b) as f64),
        DType::I32 => each(row, out, |b| i32::from_le_bytes(b).into()),
        DType::U32 => each(row, out, |b| u32::from_le_bytes(b).into()),
        DType::I16 => each(row, out, |b| i16::from_le_bytes(b).into()),
        DType::U16 => each(row, out, |b| u16::from_le_bytes(b).into()),
        DType::I8 => each(row, out, |b| i8::from_le_bytes(b).into()),
        DType::U8 => each(row, out, |b| u8::from_le_bytes(b).into()),
    }
}

/// Appends the fields of the `Value` that is a JSON text.
fn write_json(json: &RawJson, place: &'static str, out: &mut Vec<u8>) -> Result<()> {
    with_cursor(json, place, |cursor| write_value(cursor, out))
}

/// Appends the fields of the `ListValue` that is a JSON text.
fn write_list(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    with_cursor(json, "data.ndarray", |cursor| write_elements(cursor, out))
}

fn with_cursor(
    json: &RawJson,
    place: &'static str,
    write: impl FnOnce(&mut Cursor<'_>) -> crate::error::Result<()>,
) -> Result<()> {
    let written = Cursor::new(json.as_bytes()).and_then(|mut cursor| write(&mut cursor));
    written.map_err(|error| {
        let what = if error.breaks_the_text() {
            "what is no JSON"
        } else {
            "text with half of a surrogate pair, or anything but a list for an array"
        };
        EncodeError { place, what }
    })
}

fn write_value(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> crate::error::Result<()> {
    match cursor.peek() {
        Some(b'"') => present_bytes(3, cursor.string()?.as_bytes(), out),
        Some(b'[') => nested(6, out, |out| write_elements(cursor, out))?,
        Some(b'{') => nested(5, out, |out| {
            cursor.object(|cursor, span| {
                let key = cursor.text(span)?;
                nested(1, out, |out| {
                    bytes(1, key.as_bytes(), out);
                    nested(2, out, |out| write_value(cursor, out))
                })
            })
        })?,
        _ if cursor.take_word(b"true") => out.extend_from_slice(&[0x20, 1]),
        _ if cursor.take_word(b"false") => out.extend_from_slice(&[0x20, 0]),
        _ if cursor.take_word(b"null") => out.extend_from_slice(&[0x08, 0]),
        _ => {
            out.push(0x11);
            out.extend_from_slice(&float(cursor)?.to_le_bytes());
        }
    }
    Ok(())
}

fn write_elements(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> crate::error::Result<()> {
    cursor.list(|cursor| nested(1, out, |out| write_value(cursor, out)))
}

fn float(cursor: &mut Cursor<'_>) -> crate::error::Result<f64> {
    let (bytes, start) = (cursor.bytes(), cursor.pos);
    let found = number::scan(bytes, start).and_then(|(literal, end)| {
        #[expect(clippy::cast_precision_loss, reason = "every number is a float64")]
        let value = match literal {
            Literal::Int(value) => value as f64,
            Literal::Float(value) => value,
            Literal::BigInt => number::rounded(bytes, start, end)?,
        };
        Some((value, end))
    });
    let (value, end) = found.ok_or_else(|| cursor.wrong_type("a number"))?;
    cursor.pos = end;
    Ok(value)
}

/// Appends the fields of a `Tensor` whose shape and values are what nobody could make sense of.
fn write_json_tensor(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    let place = "data.tensor";
    let mut shape = Vec::new();
    let mut values = Vec::new();
    with_cursor(json, place, |cursor| {
        cursor.object(|cursor, span| {
            match &*cursor.field(span) {
                "shape" => {
                    shape.clear();
                    cursor.list(|cursor| {
                        let side = float(cursor)?;
                        // 2^31 and more do not fit, nor do fractions.
                        let whole = side.fract() == 0.0
                            && (-2_147_483_648.0..2_147_483_648.0).contains(&side);
                        if !whole {
                            return Err(cursor.wrong_type("a side of 32 bits"));
                        }
                        #[expect(clippy::cast_possible_truncation, reason = "looked at before")]
                        varint(u64::from_le_bytes((side as i64).to_le_bytes()), &mut shape);
                        Ok(())
                    })
                }
                "values" => {
                    values.clear();
                    cursor.list(|cursor| {
                        values.extend_from_slice(&float(cursor)?.to_le_bytes());
                        Ok(())
                    })
                }
                _ => cursor.skip(),
            }
        })
    })
    .map_err(|_| EncodeError {
        place,
        what: "anything but sides of 32 bits and numbers",
    })?;
    bytes(1, &shape, out);
    bytes(2, &values, out);
    Ok(())
}

/// Appends the fields of a `TensorProto` of strings that is in protobuf's JSON.
fn write_strings(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    let parts = tftensor::parts(json.as_bytes())
        .filter(|parts| parts.kind == Kind::Strings)
        .ok_or(EncodeError {
            place: "data.tftensor",
            what: "JSON that is neither an array of numbers nor one of strings",
        })?;
    out.extend_from_slice(&proto_shape(parts.kind, &parts.shape));
    for string in &parts.strings {
        present_bytes(Kind::Strings.list(), string, out);
    }
    Ok(())
}
