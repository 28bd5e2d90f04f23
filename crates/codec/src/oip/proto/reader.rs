//! A message that is read, and where memory for it comes from.

use bytes::Bytes;
use streeling_core::Meter;

use crate::error::{self, DecodeError, Result};
use crate::oip::raw::Fault;
use crate::protobuf::body::Body;
use crate::protobuf::wire::{Field, TEXT};

/// Characters of a client's text that an error repeats.
const LONGEST: usize = 64;

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

/// The error of elements that stand at `offset`.
pub(super) fn failed(fault: Fault, offset: usize) -> DecodeError {
    match fault {
        Fault::Mismatch(problem) => DecodeError::mismatch(offset, problem),
        Fault::Memory(error) => error::no_memory(error, offset),
    }
}

/// As much of a client's text as an error repeats.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
