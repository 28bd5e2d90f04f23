//! `data` and its `tensor`.

use bytes::Bytes;
use streeling_core::{Array, DType, Data, Form, RawJson, Tensor};

use super::message::{BYTES, Document, INTEGER, MESSAGE, Oneof, TEXT};
use super::nested;
use super::wire::{Fields, Span, Spans, Wire};
use crate::DecodeError;
use crate::error::Result;
use crate::json::encode_float;
use crate::tftensor::{MAX_DIMS, REPEATED_LIMIT, others};

/// Levels of messages around a list: list or feedback, message, data.
const DEPTH: usize = 3;

impl Document<'_> {
    pub(super) fn data(&self, spans: &Spans) -> Result<Data> {
        let mut names = Vec::new();
        let mut array = Oneof::default();
        self.fields(spans, |field| match field.number {
            1 => {
                let name = field.span(TEXT).and_then(|span| self.str(span));
                let name = name.map_err(|e| e.at_index(names.len()).inside("names"))?;
                names.push(name.to_owned());
                Ok(())
            }
            2 => array.merge(field, "tensor"),
            3 => array.merge(field, "ndarray"),
            4 => array.merge(field, "tftensor"),
            _ => Ok(()),
        })?;
        let spans = &array.spans;
        let (form, array) = match array.number {
            2 => {
                let array = self.tensor(spans).map_err(|error| error.inside("tensor"))?;
                (Form::Tensor, array)
            }
            3 => {
                let array = self
                    .ndarray(spans)
                    .map_err(|error| error.inside("ndarray"))?;
                (Form::NdArray, array)
            }
            4 => {
                let array = self
                    .tensor_proto(spans)
                    .map_err(|error| error.inside("tftensor"))?;
                (Form::TfTensor, array)
            }
            _ => (Form::Empty, Array::Typed(Tensor::empty())),
        };
        Ok(Data {
            names: names.into(),
            form,
            array,
        })
    }

    fn tensor(&self, spans: &Spans) -> Result<Array> {
        let mut shape: Vec<i32> = Vec::new();
        let mut values = Buffer::default();
        self.fields(spans, |field| {
            match field.number {
                1 => self
                    .integers(field, |value| {
                        #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
                        shape.push(value as i32);
                        Ok(())
                    })
                    .map_err(|error| error.inside("shape"))?,
                2 => self
                    .fixed::<8>(field, &mut values)
                    .map_err(|error| error.inside("values"))?,
                _ => {}
            }
            Ok(())
        })?;
        let values = values.finish(self);
        let sides: Option<Vec<usize>> = shape
            .iter()
            .map(|&side| usize::try_from(side).ok())
            // One more than there may be, so that a shape of very many takes no more.
            .take(MAX_DIMS + 1)
            .collect();
        let typed = sides
            // An empty array of enormous sides is left to NumPy.
            .filter(|sides| {
                sides.len() <= MAX_DIMS && (!sides.contains(&0) || others(sides) < REPEATED_LIMIT)
            })
            .and_then(|sides| Tensor::new(DType::F64, sides, values.clone()).ok());
        Ok(typed.map_or_else(|| Array::Json(tensor_text(&shape, &values)), Array::Typed))
    }

    fn ndarray(&self, spans: &Spans) -> Result<Array> {
        if let Some(tensor) = nested::typed(self.body(), spans) {
            return Ok(Array::Typed(tensor));
        }
        let mut text = Vec::new();
        self.list(spans, DEPTH, &mut text)?;
        Ok(Array::Json(RawJson::from_checked(text.into())))
    }

    /// Integers of one field of a list, packed or not.
    pub(super) fn integers(
        &self,
        field: &super::wire::Field,
        mut each: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        match field.value {
            Wire::Varint(value) => each(value),
            Wire::Len(span) => {
                let mut fields = Fields::new(self.body(), span);
                while let Some(value) = fields.packed_varint()? {
                    each(value)?;
                }
                Ok(())
            }
            Wire::Fixed32(_) | Wire::Fixed64(_) => Err(field.wrong(INTEGER)),
        }
    }

    /// Elements of `N` bytes of one field of a list, packed or not.
    pub(super) fn fixed<const N: usize>(
        &self,
        field: &super::wire::Field,
        buffer: &mut Buffer,
    ) -> Result<()> {
        match field.value {
            Wire::Len(span) if span.len().is_multiple_of(N) => buffer.push(self, span),
            Wire::Len(span) => {
                let problem = "a packed list that ends within an element";
                return Err(DecodeError::wire(span.end, problem));
            }
            Wire::Fixed64(bits) if N == 8 => {
                buffer.own(self).extend_from_slice(&bits.to_le_bytes());
            }
            Wire::Fixed32(bits) if N == 4 => {
                buffer.own(self).extend_from_slice(&bits.to_le_bytes());
            }
            Wire::Varint(_) | Wire::Fixed64(_) | Wire::Fixed32(_) => {
                return Err(field.wrong(if N == 8 {
                    "float64 values"
                } else {
                    "float32 values"
                }));
            }
        }
        Ok(())
    }

    /// The last value of a field of bytes.
    pub(super) fn last_bytes(&self, field: &super::wire::Field) -> Result<Bytes> {
        field.span(BYTES).map(|span| self.slice(span))
    }

    /// One message of a repeated field.
    pub(super) fn one_message(field: &super::wire::Field) -> Result<Spans> {
        field.span(MESSAGE).map(Spans::one)
    }
}

/// Elements that are one slice of the body for as long as they come in one piece.
#[derive(Default)]
pub(super) struct Buffer {
    piece: Option<Span>,
    own: Vec<u8>,
}

impl Buffer {
    fn push(&mut self, document: &Document<'_>, span: Span) {
        if span.len() == 0 {
            return;
        }
        if self.piece.is_none() && self.own.is_empty() {
            self.piece = Some(span);
        } else {
            self.own(document).extend_from_slice(document.bytes(span));
        }
    }

    fn own(&mut self, document: &Document<'_>) -> &mut Vec<u8> {
        if let Some(piece) = self.piece.take() {
            self.own.extend_from_slice(document.bytes(piece));
        }
        &mut self.own
    }

    pub(super) fn finish(self, document: &Document<'_>) -> Bytes {
        match self.piece {
            Some(piece) => document.slice(piece),
            None => self.own.into(),
        }
    }
}

/// The JSON of a tensor that only NumPy can make sense of.
fn tensor_text(shape: &[i32], values: &[u8]) -> RawJson {
    let mut text = b"{\"shape\":[".to_vec();
    for (index, side) in shape.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(side.to_string().as_bytes());
    }
    text.extend_from_slice(b"],\"values\":[");
    let (values, _) = values.as_chunks();
    for (index, &value) in values.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        encode_float(f64::from_le_bytes(value), &mut text);
    }
    text.extend_from_slice(b"]}");
    RawJson::from_checked(text.into())
}
