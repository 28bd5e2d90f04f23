//! A message that is read, and where memory for it comes from.

use bytes::Bytes;
use streeling_core::{Error, Meter};

use crate::error::{self, DecodeError, Result};
use crate::oip::parameters::bad;
use crate::protobuf::body::Body;
use crate::protobuf::wire::{Field, TEXT};

/// A message that is being read.
pub(super) struct Reader<'b> {
    pub(super) body: Body<'b>,
    pub(super) meter: &'b Meter,
}

impl<'b> Reader<'b> {
    pub(super) fn new(body: &'b Bytes, meter: &'b Meter) -> Self {
        Self {
            body: Body::new(body),
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
        let text = field.span(TEXT).and_then(|span| self.body.str(span));
        let text = text.map_err(|error| error.inside(name))?;
        self.take(field.offset, text.len())?;
        Ok(text.to_owned())
    }
}

/// The error of a message that cannot be read.
#[cold]
pub(super) fn unreadable(error: DecodeError) -> Error {
    match error {
        DecodeError::Memory { error, .. } => *error,
        error => bad(error.to_string()),
    }
}
