//! `data` and its `tensor`.

use streeling_core::{Array, Elements, Layout, RawJson, Tensor};

use super::reader::Reader;
use crate::error::Result;
use crate::protobuf::body::Oneof;
use crate::protobuf::lists::Buffer;
use crate::protobuf::nested;
use crate::protobuf::wire::{Spans, TEXT};
use crate::seldon::{cost, tensor};

/// Levels of messages around a list: list or feedback, message, data.
const DEPTH: usize = 3;

impl Reader<'_> {
    pub(super) fn data(&self, spans: &Spans) -> Result<Array> {
        let mut names = Vec::new();
        let mut array = Oneof::default();
        self.body.fields(spans, |field| match field.number {
            1 => {
                let name = field.span(TEXT).and_then(|span| self.body.str(span));
                let name = name.map_err(|e| e.at_index(names.len()).inside("names"))?;
                self.take(field.offset, cost::NAME + name.len())?;
                names.push(name.to_owned());
                Ok(())
            }
            2 => array.merge(field, "tensor"),
            3 => array.merge(field, "ndarray"),
            4 => array.merge(field, "tftensor"),
            _ => Ok(()),
        })?;
        let spans = &array.spans;
        let (layout, elements) = match array.number {
            2 => {
                let elements = self.tensor(spans).map_err(|error| error.inside("tensor"))?;
                (Layout::Flat, elements)
            }
            3 => {
                let elements = self
                    .ndarray(spans)
                    .map_err(|error| error.inside("ndarray"))?;
                (Layout::Nested, elements)
            }
            4 => {
                let elements = self
                    .tensor_proto(spans)
                    .map_err(|error| error.inside("tftensor"))?;
                (Layout::TensorProto, elements)
            }
            _ => (Layout::Unset, Elements::Typed(Tensor::empty())),
        };
        Ok(Array {
            names: names.into(),
            layout,
            elements,
        })
    }

    fn tensor(&self, spans: &Spans) -> Result<Elements> {
        let mut shape: Vec<i32> = Vec::new();
        let mut values = Buffer::default();
        self.body.fields(spans, |field| {
            match field.number {
                1 => self
                    .body
                    .integers(field, |value| {
                        #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
                        shape.push(value as i32);
                        Ok(())
                    })
                    .map_err(|error| error.inside("shape"))?,
                2 => self
                    .body
                    .fixed::<8>(field, &mut values)
                    .map_err(|error| error.inside("values"))?,
                _ => {}
            }
            Ok(())
        })?;
        self.take(spans.start(), values.owned())?;
        let elements = tensor::elements(&shape, &values.finish(&self.body), self.surplus);
        if let Elements::Json(text) = &elements {
            // As in a buffer that has just doubled.
            self.take(spans.start(), 2 * text.as_bytes().len())?;
        }
        Ok(elements)
    }

    fn ndarray(&self, spans: &Spans) -> Result<Elements> {
        // An element takes fewer bytes in an array than it does here.
        let length = spans.iter().map(|span| span.end - span.start).sum();
        self.take(spans.start(), length)?;
        if let Some(tensor) = nested::typed(self.body.all(), spans) {
            return Ok(Elements::Typed(tensor));
        }
        let mut text = Vec::new();
        self.body.list(spans, DEPTH, &mut text)?;
        self.take(spans.start(), text.capacity())?;
        Ok(Elements::Json(RawJson::from_checked(text.into())))
    }
}
