//! TensorFlow's `TensorProto`.

use bytes::Bytes;
use streeling_core::{DType, Elements, RawJson};

use super::reader::Reader;
use crate::error::{DecodeError, Result};
use crate::json::writer::{Object, write_base64, write_int, write_list};
use crate::json::{encode_float, encode_string};
use crate::protobuf::body::Body;
use crate::protobuf::lists::Buffer;
use crate::protobuf::wire::{BYTES, Field, INTEGER, MESSAGE, Span, Spans};
use crate::tensorflow::{self, Fault, Kind};

impl Reader<'_> {
    pub(super) fn tensor_proto(&self, spans: &Spans) -> Result<Elements> {
        let mut number = 0;
        let mut shape = Spans::default();
        let mut content = Bytes::new();
        self.body.fields(spans, |field| {
            match field.number {
                1 => number = field.int32().map_err(|error| error.inside("dtype"))?,
                2 => {
                    let span = field.span(MESSAGE);
                    shape.push(span.map_err(|error| error.inside("tensor_shape"))?);
                }
                4 => {
                    let bytes = field.span(BYTES).map(|span| self.body.slice(span));
                    content = bytes.map_err(|error| error.inside("tensor_content"))?;
                }
                _ => {}
            }
            Ok(())
        })?;
        let shape = self
            .tensor_shape(&shape)
            .map_err(|error| error.inside("tensor_shape"))?;
        let kind = u64::try_from(number).ok().and_then(Kind::from_number);
        let Some(kind @ Kind::Numbers(dtype)) = kind else {
            return self.tensor_text(spans, (kind, number), &shape, &content);
        };
        let list = self
            .elements(spans, kind.list(), dtype)
            .map_err(|error| error.inside(kind.list_name()))?;
        self.take(spans.start(), list.capacity())?;
        let is_slice = !content.is_empty();
        let tensor = tensorflow::tensor(dtype, shape, content, list, &self.budget)
            .map_err(|fault| failed(fault, spans.start()))?;
        if !is_slice {
            self.take(spans.start(), tensor.data().len())?;
        }
        Ok(Elements::Typed(tensor))
    }

    fn tensor_shape(&self, spans: &Spans) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.body.fields(spans, |field| {
            // A shape of unknown rank is read as the sides that it has.
            if field.number != 2 {
                return Ok(());
            }
            let mut size = 0;
            let dim = field.span(MESSAGE).map(Spans::one);
            dim.and_then(|dim| {
                self.body.fields(&dim, |field| {
                    if field.number == 1 {
                        size = field.varint(INTEGER)?;
                    }
                    Ok(())
                })
            })
            .map_err(|error| error.at_index(shape.len()).inside("dim"))?;
            let side = i64::from_le_bytes(size.to_le_bytes());
            let side = usize::try_from(side).map_err(|_| {
                let problem = "a side below zero, which stands for an unknown one";
                DecodeError::invalid(field.offset, problem)
                    .at_index(shape.len())
                    .inside("dim")
            })?;
            shape.push(side);
            Ok(())
        })?;
        Ok(shape)
    }

    /// The elements of the list that belongs to the dtype, in memory order.
    fn elements(&self, spans: &Spans, number: u32, dtype: DType) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut floats = Buffer::default();
        self.body.fields(spans, |field| {
            if field.number != number {
                return Ok(());
            }
            match dtype {
                DType::F32 => self.body.fixed::<4>(field, &mut floats),
                DType::F64 => self.body.fixed::<8>(field, &mut floats),
                _ => self.body.integers(field, |value| {
                    // 64 bits on the wire, whatever the carrier; signed unless it says otherwise.
                    let value = match dtype {
                        DType::U64 | DType::Bool => i128::from(value),
                        #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
                        DType::U32 => i128::from(value as u32),
                        DType::I64 => i128::from(i64::from_le_bytes(value.to_le_bytes())),
                        #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
                        _ => i128::from(value as i32),
                    };
                    tensorflow::push_integer(value, dtype, &mut out)
                        .map_err(|fault| failed(fault, field.offset))
                }),
            }
        })?;
        if matches!(dtype, DType::F32 | DType::F64) {
            return Ok(floats.finish(&self.body).into());
        }
        Ok(out)
    }

    /// A tensor that is not one of numbers, in protobuf's JSON: its dtype by name where it has a
    /// kind here, or else by number, and the lists that such tensors have.
    fn tensor_text(
        &self,
        spans: &Spans,
        (kind, number): (Option<Kind>, i32),
        shape: &[usize],
        content: &[u8],
    ) -> Result<Elements> {
        let mut text = Vec::new();
        let mut object = Object::open(&mut text);
        let out = object.field("dtype");
        match kind {
            Some(kind) => encode_string(kind.name(), out),
            None => write_int(number, out),
        }
        let out = object.field("tensorShape");
        out.extend_from_slice(b"{\"dim\":");
        write_list(shape, out, |&side, out| {
            out.extend_from_slice(b"{\"size\":\"");
            write_int(side, out);
            out.extend_from_slice(b"\"}");
        });
        out.push(b'}');
        if !content.is_empty() {
            write_base64(content, object.field("tensorContent"));
        }
        let mut lists = Lists::default();
        self.body
            .fields(spans, |field| lists.add(&self.body, field))?;
        lists.write(&self.body, &mut object);
        object.close();
        self.take(spans.start(), text.capacity())?;
        Ok(Elements::Json(RawJson::from_checked(text.into())))
    }
}

/// The lists of tensors that are not of numbers.
#[derive(Default)]
struct Lists {
    integers: Vec<i32>,
    halves: Vec<i32>,
    strings: Vec<Span>,
    complex64: Buffer,
    complex128: Buffer,
    /// Of floats of 8 bits.
    float8: Option<Span>,
}

impl Lists {
    fn add(&mut self, body: &Body<'_>, field: &Field) -> Result<()> {
        let integers = |list: &mut Vec<i32>| {
            body.integers(field, |value| {
                #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
                list.push(value as i32);
                Ok(())
            })
        };
        match field.number {
            7 => integers(&mut self.integers),
            8 => {
                self.strings.push(field.span(BYTES)?);
                Ok(())
            }
            9 => body.fixed::<4>(field, &mut self.complex64),
            12 => body.fixed::<8>(field, &mut self.complex128),
            13 => integers(&mut self.halves),
            18 => {
                self.float8 = Some(field.span(BYTES)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn write(self, body: &Body<'_>, object: &mut Object<'_>) {
        for (name, list) in [("intVal", &self.integers), ("halfVal", &self.halves)] {
            if !list.is_empty() {
                write_list(list, object.field(name), |&value, out| {
                    write_int(value, out);
                });
            }
        }
        if !self.strings.is_empty() {
            write_list(&self.strings, object.field("stringVal"), |&span, out| {
                write_base64(body.bytes(span), out);
            });
        }
        let complex64 = self.complex64.finish(body);
        if !complex64.is_empty() {
            write_list(
                complex64.as_chunks().0,
                object.field("scomplexVal"),
                |&part, out| {
                    encode_float(f32::from_le_bytes(part).into(), out);
                },
            );
        }
        let complex128 = self.complex128.finish(body);
        if !complex128.is_empty() {
            write_list(
                complex128.as_chunks().0,
                object.field("dcomplexVal"),
                |&part, out| {
                    encode_float(f64::from_le_bytes(part), out);
                },
            );
        }
        if let Some(span) = self.float8 {
            write_base64(body.bytes(span), object.field("float8Val"));
        }
    }
}

fn failed(fault: Fault, offset: usize) -> DecodeError {
    match fault {
        Fault::Invalid(problem) => DecodeError::invalid(offset, problem),
        Fault::TooLarge => DecodeError::TooLarge {
            path: String::new(),
            offset,
        },
    }
}
