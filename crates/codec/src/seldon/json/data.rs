//! The fields of `data`, and the arrays in them.

use streeling_core::{Array, Elements, Layout, Names, RawJson, Tensor};

use super::floats;
use super::reader::{Mode, Reader};
use super::tftensor;
use crate::error::{DecodeError, Result};
use crate::json::array;
use crate::json::fields::{Slot, field, text};
use crate::json::scan::Cursor;
use crate::seldon::cost;

impl Reader<'_> {
    pub(super) fn data(&self, cursor: &mut Cursor<'_>) -> Result<Array> {
        let start = cursor.pos;
        if self.mode != Mode::Feedback && matches!(cursor.peek(), Some(b'[' | b'"')) {
            // seldon-core looks for `ndarray` in it, and finds none in these; unless it is the text
            // of a whole object, as a file in a multipart body.
            let text = *cursor;
            cursor.skip()?;
            let span = &cursor.bytes()[text.pos..cursor.pos];
            if text.peek() == Some(b'"')
                && span.windows(6).any(|w| w == b"tensor" || w == b"darray")
            {
                return Err(text.wrong_type("an object"));
            }
            return Ok(Array {
                names: Names::new(),
                layout: Layout::Unset,
                elements: Elements::Typed(Tensor::empty()),
            });
        }
        let mut names: Slot<Names> = None;
        let mut ndarray: Slot<Elements> = None;
        let mut tensor: Slot<Elements> = None;
        let mut tftensor: Slot<Elements> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "names" => {
                    names = field(cursor, &name, |cursor| self.names(cursor))?;
                }
                "ndarray" if !self.absent(cursor) => {
                    ndarray = field(cursor, &name, |cursor| {
                        self.typed_or_raw(cursor, array::nested)
                    })?;
                }
                "tensor" if !self.absent(cursor) => {
                    tensor = field(cursor, &name, |cursor| {
                        if self.mode == Mode::Feedback {
                            return self.feedback_tensor(cursor);
                        }
                        self.typed_or_raw(cursor, tensor_object)
                    })?;
                }
                "tftensor" if !self.absent(cursor) => {
                    tftensor = field(cursor, &name, |cursor| {
                        if cursor.peek() != Some(b'{') {
                            return Err(cursor.wrong_type("an object"));
                        }
                        let raw = self.raw(cursor)?;
                        let Some(typed) = tftensor::typed(raw.as_bytes(), &self.budget) else {
                            return Ok(Elements::Json(raw));
                        };
                        self.take(cursor, typed.data().len())?;
                        Ok(Elements::Typed(typed))
                    })?;
                }
                "ndarray" | "tensor" | "tftensor" => {}
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        if self.mode == Mode::Feedback {
            let arrays = [ndarray.is_some(), tensor.is_some(), tftensor.is_some()];
            if arrays.into_iter().filter(|&there| there).count() > 1 {
                return Err(DecodeError::invalid(start, "more than one array in data"));
            }
        }
        let (layout, elements) = if let Some(tensor) = tensor {
            (Layout::Flat, tensor?)
        } else if let Some(ndarray) = ndarray {
            (Layout::Nested, ndarray?)
        } else if let Some(tftensor) = tftensor {
            (Layout::TensorProto, tftensor?)
        } else {
            (Layout::Unset, Elements::Typed(Tensor::empty()))
        };
        Ok(Array {
            names: names.transpose()?.unwrap_or_default(),
            layout,
            elements,
        })
    }

    /// The names of columns; a component gets what is no list of strings as it came.
    fn names(&self, cursor: &mut Cursor<'_>) -> Result<Names> {
        let start = *cursor;
        let mut names = Vec::new();
        let read = cursor.list(|cursor| {
            self.take(cursor, cost::NAME)?;
            names.push(text(cursor)?);
            Ok(())
        });
        match read {
            Ok(()) => Ok(names.into()),
            Err(error @ DecodeError::Memory { .. }) => Err(error),
            Err(_) if self.mode == Mode::Request => {
                *cursor = start;
                self.raw(cursor).map(Names::Json)
            }
            Err(error) => {
                *cursor = start;
                if cursor.take_word(b"null") {
                    return Ok(Names::new());
                }
                Err(error)
            }
        }
    }

    #[inline]
    fn typed_or_raw<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        typed: impl FnOnce(&mut Cursor<'b>) -> Option<Tensor>,
    ) -> Result<Elements> {
        let start = *cursor;
        let typed = typed(cursor);
        if self.mode == Mode::Feedback {
            return match typed {
                Some(tensor) if floats::all_finite(&tensor) => {
                    self.take(cursor, tensor.data().len())?;
                    Ok(Elements::Typed(floats::with_float_elements(tensor)))
                }
                _ => {
                    *cursor = start;
                    cursor.skip()?;
                    let mut text = Vec::new();
                    let span = &cursor.bytes()[start.pos..cursor.pos];
                    floats::text_in_protobuf_form(span, &mut text);
                    self.take(cursor, text.capacity())?;
                    Ok(Elements::Json(RawJson::from_checked(text.into())))
                }
            };
        }
        if let Some(tensor) = typed {
            self.take(cursor, tensor.data().len())?;
            return Ok(Elements::Typed(tensor));
        }
        *cursor = start;
        self.raw(cursor).map(Elements::Json)
    }
}

/// A tensor whose shape and values are plain and belong together.
pub(super) fn tensor_object(cursor: &mut Cursor<'_>) -> Option<Tensor> {
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
