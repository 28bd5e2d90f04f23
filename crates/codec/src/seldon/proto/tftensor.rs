//! TensorFlow's `TensorProto`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use streeling_core::{DType, Elements, RawJson};

use super::reader::Reader;
use crate::error::{DecodeError, Result};
use crate::protobuf::lists::Buffer;
use crate::protobuf::wire::{BYTES, Field, INTEGER, MESSAGE, Spans};
use crate::tensorflow::{self, Fault, Kind};

impl Reader<'_> {
    pub(super) fn tensor_proto(&self, spans: &Spans) -> Result<Elements> {
        let mut number = 0;
        let mut shape = Spans::default();
        let mut content = Bytes::new();
        let mut offset = spans.start();
        self.body.fields(spans, |field| {
            match field.number {
                1 => {
                    offset = field.offset;
                    number = field.int32().map_err(|error| error.inside("dtype"))?;
                }
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
        let kind = u64::try_from(number).ok().and_then(Kind::from_number);
        let kind = kind.ok_or_else(|| {
            let allowed = "a dtype other than the integers, DT_HALF, DT_FLOAT, DT_DOUBLE, DT_BOOL \
                           and DT_STRING";
            DecodeError::invalid(offset, allowed).inside("dtype")
        })?;
        let shape = self
            .tensor_shape(&shape)
            .map_err(|error| error.inside("tensor_shape"))?;
        match kind {
            Kind::Numbers(dtype) => {
                let list = self
                    .elements(spans, kind.list(), dtype)
                    .map_err(|error| error.inside(kind.list_name()))?;
                tensorflow::tensor(dtype, shape, content, list, &self.budget)
                    .map(Elements::Typed)
                    .map_err(|fault| failed(fault, spans.start()))
            }
            Kind::Strings => self.strings(spans, &shape),
        }
    }

    fn tensor_shape(&self, spans: &Spans) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.body.fields(spans, |field| {
            match field.number {
                2 => {
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
                }
                3 if field.varint("a boolean")? != 0 => {
                    let problem = "an unknown rank, which no array has";
                    return Err(DecodeError::invalid(field.offset, problem).inside("unknown_rank"));
                }
                _ => {}
            }
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

    /// A tensor of byte strings, in protobuf's JSON.
    fn strings(&self, spans: &Spans, shape: &[usize]) -> Result<Elements> {
        let mut text = b"{\"dtype\":\"DT_STRING\",\"tensorShape\":{\"dim\":[".to_vec();
        for (index, side) in shape.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(format!("{{\"size\":\"{side}\"}}").as_bytes());
        }
        text.extend_from_slice(b"]},\"stringVal\":[");
        let mut index = 0;
        let one = |field: &Field, text: &mut Vec<u8>| -> Result<()> {
            let bytes = self.body.bytes(field.span(BYTES)?);
            text.push(b'"');
            text.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
            text.push(b'"');
            Ok(())
        };
        self.body.fields(spans, |field| {
            if field.number == Kind::Strings.list() {
                if index > 0 {
                    text.push(b',');
                }
                one(field, &mut text).map_err(|e| e.at_index(index).inside("string_val"))?;
                index += 1;
            }
            Ok(())
        })?;
        text.extend_from_slice(b"]}");
        Ok(Elements::Json(RawJson::from_checked(text.into())))
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
