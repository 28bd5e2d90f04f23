//! What is read, and what depends on that wherever it is read.

use std::cell::Cell;

use bytes::Bytes;
use streeling_core::{Meter, RawJson};

use crate::error::{self, DecodeError, Result};
use crate::json::document;
use crate::json::scan::Cursor;
use crate::tensorflow::REPEATED_LIMIT;

/// What is being read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// A request: has a payload; unknown fields are passed over, and `status` is one of them.
    Request,
    /// A response: need not have a payload, and may have a status.
    Response,
    /// A message in feedback. seldon-core reads those as protobuf: unknown fields are errors,
    /// null is as good as absent, there is at most one payload, array elements are floats.
    Feedback,
}

/// Reads values whose text may be kept as slices of one body.
pub(super) struct Reader<'a> {
    body: &'a Bytes,
    pub(super) mode: Mode,
    /// Bytes that repeated values may still take.
    pub(super) budget: Cell<usize>,
    /// Where memory for all else comes from.
    meter: &'a Meter,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a Bytes, mode: Mode, meter: &'a Meter) -> Self {
        Self {
            body,
            mode,
            budget: Cell::new(REPEATED_LIMIT),
            meter,
        }
    }

    /// Takes memory that is about to be allocated for what the cursor has come to.
    #[inline]
    pub(super) fn take(&self, cursor: &Cursor<'_>, bytes: usize) -> Result<()> {
        error::take(self.meter, bytes, cursor.pos)
    }

    /// The value between two places, as its text.
    pub(super) fn text_between(&self, start: usize, end: usize) -> RawJson {
        RawJson::from_checked(self.body.slice(start..end))
    }

    /// Any value, as its text.
    pub(super) fn raw(&self, cursor: &mut Cursor<'_>) -> Result<RawJson> {
        document::raw(self.body, cursor)
    }

    /// Passes over a field that the protocol does not know, or refuses it; stands before its value.
    pub(super) fn unknown(&self, cursor: &mut Cursor<'_>, name: &str, offset: usize) -> Result<()> {
        if self.refuses_unknown() {
            return Err(DecodeError::UnknownField {
                path: String::new(),
                offset,
            }
            .inside(name));
        }
        cursor.skip().map_err(|error| error.inside(name))
    }

    pub(super) fn refuses_unknown(&self) -> bool {
        self.mode == Mode::Feedback
    }

    /// Takes a null where that means that the field is absent.
    pub(super) fn absent(&self, cursor: &mut Cursor<'_>) -> bool {
        self.mode == Mode::Feedback && cursor.take_word(b"null")
    }

    /// Takes an empty list or text where feedback has a message: protobuf looks for fields in it,
    /// as in an object, and finds none.
    pub(super) fn without_fields(&self, cursor: &mut Cursor<'_>) -> bool {
        if self.mode != Mode::Feedback {
            return false;
        }
        let mut ahead = *cursor;
        if ahead.take(b'[') {
            ahead.whitespace();
            if ahead.take(b']') {
                *cursor = ahead;
                return true;
            }
        }
        cursor.take_word(b"\"\"")
    }
}

/// Checks that a message starts here.
pub(super) fn object_here(cursor: &Cursor<'_>) -> Result<()> {
    match cursor.kind() {
        Some("an object") => Ok(()),
        Some(found) => Err(DecodeError::NotAnObject {
            path: String::new(),
            offset: cursor.pos,
            found,
        }),
        None => Err(cursor.syntax("a value")),
    }
}
