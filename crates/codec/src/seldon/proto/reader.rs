//! A document that is read, and how much memory it may require.

use std::cell::Cell;

use bytes::Bytes;
use streeling_core::Meter;

use crate::error::{self, Result};
use crate::protobuf::body::Body;
use crate::protobuf::wire::Field;
use crate::seldon::tensor::Surplus;
use crate::tensorflow::REPEATED_LIMIT;

/// How much memory a document may require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all tensors of the document that repeat the last value of a short list.
    pub repeated: usize,
}

impl Default for Limits {
    /// [`REPEATED_LIMIT`].
    fn default() -> Self {
        Self {
            repeated: REPEATED_LIMIT,
        }
    }
}

/// A document that is being read.
pub(super) struct Reader<'b> {
    pub(super) body: Body<'b>,
    /// Bytes that repeated values may still take.
    pub(super) budget: Cell<usize>,
    /// Of a `tensor`.
    pub(super) surplus: Surplus,
    /// Where memory for all else comes from.
    meter: &'b Meter,
}

impl<'b> Reader<'b> {
    pub(super) fn new(body: &'b Bytes, limits: Limits, meter: &'b Meter) -> Self {
        Self {
            body: Body::new(body),
            budget: Cell::new(limits.repeated),
            surplus: Surplus::Refused,
            meter,
        }
    }

    /// Takes memory that is about to be allocated for what stands at `offset`.
    #[inline]
    pub(super) fn take(&self, offset: usize, bytes: usize) -> Result<()> {
        error::take(self.meter, bytes, offset)
    }

    /// The text of the field `name`.
    pub(super) fn text(&self, field: &Field, name: &str) -> Result<String> {
        let text = self.body.text(field).map_err(|error| error.inside(name))?;
        self.take(field.offset, text.len())?;
        Ok(text)
    }
}
