//! A `tensor` in feedback, which seldon-core reads as protobuf: numbers may be written as text, the
//! shape as floats, and null is as good as absent.

use streeling_core::{DType, Elements};

use super::data::tensor_object;
use super::floats::with_float_elements;
use super::reader::Reader;
use super::tftensor::float;
use crate::error::Result;
use crate::json::fields::{Slot, field, int32, number};
use crate::json::scan::Cursor;
use crate::seldon::tensor::{Surplus, elements};

impl Reader<'_> {
    pub(super) fn feedback_tensor(&self, cursor: &mut Cursor<'_>) -> Result<Elements> {
        let start = *cursor;
        self.check_tensor_fields(cursor)?;
        let typed = tensor_object(cursor).filter(|tensor| tensor.dtype() != DType::Bool);
        if let Some(tensor) = typed {
            self.take(cursor, tensor.data().len())?;
            return Ok(Elements::Typed(with_float_elements(tensor)));
        }
        *cursor = start;
        let mut shape: Slot<Vec<i32>> = None;
        let mut values: Slot<Vec<u8>> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "shape" if !self.absent(cursor) => {
                    shape = field(cursor, &name, |cursor| {
                        let mut sides = Vec::new();
                        cursor.list(|cursor| {
                            sides.push(int32(cursor)?);
                            Ok(())
                        })?;
                        Ok(sides)
                    })?;
                }
                "values" if !self.absent(cursor) => values = field(cursor, &name, floats)?,
                "shape" | "values" => {}
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        let shape = shape.transpose()?.unwrap_or_default();
        let values = values.transpose()?.unwrap_or_default();
        self.take(cursor, values.capacity())?;
        let elements = elements(&shape, &values.into(), Surplus::LastCount);
        if let Elements::Json(text) = &elements {
            // As in a buffer that has just doubled.
            self.take(cursor, 2 * text.as_bytes().len())?;
        }
        Ok(elements)
    }

    /// A tensor has no other fields.
    fn check_tensor_fields(&self, cursor: &Cursor<'_>) -> Result<()> {
        let mut ahead = *cursor;
        ahead.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "shape" | "values" => cursor.skip(),
                _ => self.unknown(cursor, &name, span.start),
            }
        })
    }
}

/// Values in memory order.
fn floats(cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
    let mut values = Vec::new();
    cursor.list(|cursor| {
        let here = *cursor;
        let value = if cursor.take_word(b"true") {
            1.0
        } else if cursor.take_word(b"false") {
            0.0
        } else if cursor.peek() == Some(b'"') {
            float(cursor).ok_or_else(|| here.wrong_type("a number"))?
        } else {
            number(cursor)?.as_f64()
        };
        values.extend_from_slice(&value.to_le_bytes());
        Ok(())
    })?;
    Ok(values)
}
