//! The fields of `data`, and the forms of arrays.

use streeling_core::{Array, Data, Form, Names, RawJson, Tensor};

use super::array;
use super::message::{Mode, Reader, Slot, field, names};
use super::scan::Cursor;
use super::tftensor;
use crate::DecodeError;
use crate::error::Result;

impl Reader {
    pub(super) fn data(&self, cursor: &mut Cursor<'_>) -> Result<Data> {
        let start = cursor.pos;
        if self.mode != Mode::Feedback && matches!(cursor.peek(), Some(b'[' | b'"')) {
            // The incumbent asks whether `ndarray` is in it, and in these it is not; unless it is
            // the text of a whole object, as a file in a multipart body.
            let text = *cursor;
            cursor.skip()?;
            let span = &cursor.bytes()[text.pos..cursor.pos];
            if text.peek() == Some(b'"')
                && span.windows(6).any(|w| w == b"tensor" || w == b"darray")
            {
                return Err(text.wrong_type("an object"));
            }
            return Ok(Data {
                names: Names::new(),
                form: Form::Empty,
                array: Array::Typed(Tensor::empty()),
            });
        }
        let mut names_: Slot<Vec<String>> = None;
        let mut ndarray: Slot<Array> = None;
        let mut tensor: Slot<Array> = None;
        let mut tftensor: Slot<Array> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "names" => {
                    names_ = field(cursor, &name, |cursor| {
                        if cursor.take_word(b"null") {
                            return Ok(Vec::new());
                        }
                        names(cursor)
                    })?;
                }
                "ndarray" if !self.absent(cursor) => {
                    ndarray = field(cursor, &name, |cursor| {
                        self.typed_or_raw(cursor, array::nested)
                    })?;
                }
                "tensor" if !self.absent(cursor) => {
                    tensor = field(cursor, &name, |cursor| {
                        self.check_tensor_fields(cursor)?;
                        self.typed_or_raw(cursor, tensor_object)
                    })?;
                }
                "tftensor" if !self.absent(cursor) => {
                    tftensor = field(cursor, &name, |cursor| {
                        if cursor.peek() != Some(b'{') {
                            return Err(cursor.wrong_type("an object"));
                        }
                        let raw = self.raw(cursor)?;
                        let typed = tftensor::typed(raw.as_bytes(), &self.room);
                        Ok(typed.map_or(Array::Json(raw), Array::Typed))
                    })?;
                }
                "ndarray" | "tensor" | "tftensor" => {}
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        if self.mode == Mode::Feedback {
            let forms = [ndarray.is_some(), tensor.is_some(), tftensor.is_some()];
            if forms.into_iter().filter(|&there| there).count() > 1 {
                return Err(DecodeError::invalid(
                    start,
                    "more than one form of array in data",
                ));
            }
        }
        let (form, array) = if let Some(tensor) = tensor {
            (Form::Tensor, tensor?)
        } else if let Some(ndarray) = ndarray {
            (Form::NdArray, ndarray?)
        } else if let Some(tftensor) = tftensor {
            (Form::TfTensor, tftensor?)
        } else {
            (Form::Empty, Array::Typed(Tensor::empty()))
        };
        Ok(Data {
            names: names_.transpose()?.unwrap_or_default().into(),
            form,
            array,
        })
    }

    #[inline]
    fn typed_or_raw<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        typed: impl FnOnce(&mut Cursor<'b>) -> Option<Tensor>,
    ) -> Result<Array> {
        let start = *cursor;
        let typed = typed(cursor);
        if self.mode == Mode::Feedback {
            return match typed {
                Some(tensor) => Ok(Array::Typed(array::with_float_elements(tensor))),
                None => {
                    *cursor = start;
                    cursor.skip()?;
                    let text = &cursor.bytes()[start.pos..cursor.pos];
                    let text = array::text_with_float_elements(text);
                    Ok(Array::Json(RawJson::from_checked(text.into())))
                }
            };
        }
        if let Some(tensor) = typed {
            return Ok(Array::Typed(tensor));
        }
        *cursor = start;
        self.raw(cursor).map(Array::Json)
    }

    /// In feedback a tensor must be an object without unknown fields.
    fn check_tensor_fields(&self, cursor: &Cursor<'_>) -> Result<()> {
        if self.mode != Mode::Feedback {
            return Ok(());
        }
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

/// A tensor whose shape and values are plain and belong together.
fn tensor_object(cursor: &mut Cursor<'_>) -> Option<Tensor> {
    let mut shape = None;
    let mut values = None;
    let mut plain = true;
    let walked = cursor.object(|cursor, span| {
        let name = cursor.field(span);
        let start = *cursor;
        plain &= match &*name {
            "shape" => {
                shape = sides(cursor);
                shape.is_some()
            }
            "values" => {
                values = array::flat(cursor);
                values.is_some()
            }
            _ => cursor.skip().is_ok(),
        };
        if plain {
            Ok(())
        } else {
            // Only to get out; the caller looks at the text again.
            Err(start.syntax("a tensor"))
        }
    });
    walked.ok()?;
    values?.into_tensor(shape?)
}

/// A shape that is a list of sides, none below zero, few enough for every NumPy.
fn sides(cursor: &mut Cursor<'_>) -> Option<Vec<usize>> {
    match array::flat(cursor)? {
        array::Values::None => Some(Vec::new()),
        array::Values::Ints(sides) if sides.len() <= array::MAX_DIMS => sides
            .into_iter()
            .map(|side| usize::try_from(side).ok())
            .collect(),
        _ => None,
    }
}
