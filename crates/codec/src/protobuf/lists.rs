//! Lists of numbers, packed or not.

use bytes::Bytes;

use super::body::Body;
use super::wire::{Field, Fields, INTEGER, Span, Wire};
use crate::error::{DecodeError, Result};

impl Body<'_> {
    /// Integers of one field of a list, packed or not.
    pub(crate) fn integers(
        &self,
        field: &Field,
        mut each: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        match field.value {
            Wire::Varint(value) => each(value),
            Wire::Len(span) => {
                let mut fields = Fields::new(self.all(), span);
                while let Some(value) = fields.packed_varint()? {
                    each(value)?;
                }
                Ok(())
            }
            Wire::Fixed32(_) | Wire::Fixed64(_) => Err(field.wrong(INTEGER)),
        }
    }

    /// Elements of `N` bytes of one field of a list, packed or not.
    pub(crate) fn fixed<const N: usize>(&self, field: &Field, buffer: &mut Buffer) -> Result<()> {
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
}

/// Elements that are one slice of the body for as long as they come in one piece.
#[derive(Default)]
pub(crate) struct Buffer {
    piece: Option<Span>,
    own: Vec<u8>,
}

impl Buffer {
    fn push(&mut self, body: &Body<'_>, span: Span) {
        if span.len() == 0 {
            return;
        }
        if self.piece.is_none() && self.own.is_empty() {
            self.piece = Some(span);
        } else {
            self.own(body).extend_from_slice(body.bytes(span));
        }
    }

    fn own(&mut self, body: &Body<'_>) -> &mut Vec<u8> {
        if let Some(piece) = self.piece.take() {
            self.own.extend_from_slice(body.bytes(piece));
        }
        &mut self.own
    }

    /// Bytes that are not a slice of the body.
    pub(crate) fn owned(&self) -> usize {
        self.own.capacity()
    }

    pub(crate) fn finish(self, body: &Body<'_>) -> Bytes {
        match self.piece {
            Some(piece) => body.slice(piece),
            None => self.own.into(),
        }
    }
}
