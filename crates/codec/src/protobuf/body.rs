//! A body that is being read, and the fields of its messages.

use bytes::Bytes;
use streeling_core::Table;

use super::wire::{Field, Fields, MESSAGE, Span, Spans, TEXT};
use crate::error::{DecodeError, Result};

/// A body that is being read.
pub(crate) struct Body<'b>(&'b Bytes);

impl<'b> Body<'b> {
    pub(crate) fn new(body: &'b Bytes) -> Self {
        Self(body)
    }

    /// The message that is the whole body.
    pub(crate) fn whole(&self) -> Spans {
        Spans::one(Span {
            start: 0,
            end: self.0.len(),
        })
    }

    pub(crate) fn all(&self) -> &'b [u8] {
        self.0
    }

    pub(crate) fn bytes(&self, span: Span) -> &'b [u8] {
        &self.0[span.start..span.end]
    }

    /// A slice of the body, without a copy.
    pub(crate) fn slice(&self, span: Span) -> Bytes {
        self.0.slice(span.start..span.end)
    }

    /// Calls `each` with every field. One whose wire type is not that of its number is an unknown
    /// field, as in every protobuf library.
    #[inline]
    pub(crate) fn fields(
        &self,
        spans: &Spans,
        mut each: impl FnMut(&Field) -> Result<()>,
    ) -> Result<()> {
        for span in spans.iter() {
            let mut fields = Fields::new(self.0, span);
            while let Some(field) = fields.next()? {
                known(each(&field))?;
            }
        }
        Ok(())
    }

    pub(crate) fn str(&self, span: Span) -> Result<&'b str> {
        text(self.0, span)
    }

    pub(crate) fn text(&self, field: &Field) -> Result<String> {
        self.str(field.span(TEXT)?).map(str::to_owned)
    }

    /// One entry of a map.
    pub(crate) fn entry<T>(
        &self,
        field: &Field,
        name: &str,
        table: &mut Table<T>,
        read: impl FnOnce(&Entry) -> Result<T>,
    ) -> Result<()> {
        let mut key = "";
        let mut value = Entry::default();
        let inner = || {
            let span = field.span(MESSAGE)?;
            self.fields(&Spans::one(span), |field| {
                match field.number {
                    1 => key = self.str(field.span(TEXT)?)?,
                    2 => value.push(*field),
                    _ => {}
                }
                Ok(())
            })?;
            read(&value)
        };
        let found = inner().map_err(|error| error.inside(key).inside(name))?;
        table.insert(key.to_owned(), found);
        Ok(())
    }
}

/// The text of a span of a body.
pub(crate) fn text(body: &[u8], span: Span) -> Result<&str> {
    std::str::from_utf8(&body[span.start..span.end]).map_err(|error| {
        DecodeError::wire(span.start + error.valid_up_to(), "text that is not UTF-8")
    })
}

/// The value of an entry of a map: of its fields the last counts, or all of them merged. There need
/// not be one.
#[derive(Default)]
pub(crate) struct Entry {
    first: Option<Field>,
    rest: Vec<Field>,
}

impl Entry {
    fn push(&mut self, field: Field) {
        if self.first.is_none() {
            self.first = Some(field);
        } else {
            self.rest.push(field);
        }
    }

    /// Reads every field; returns what the last one holds.
    pub(crate) fn each<T>(&self, mut read: impl FnMut(&Field) -> Result<T>) -> Result<Option<T>> {
        let mut last = None;
        for field in self.first.iter().chain(&self.rest) {
            known(read(field).map(|value| last = Some(value)))?;
        }
        Ok(last)
    }

    pub(crate) fn spans(&self, expected: &'static str) -> Result<Spans> {
        let mut spans = Spans::default();
        self.each(|field| field.span(expected).map(|span| spans.push(span)))?;
        Ok(spans)
    }
}

/// The member of a `oneof` that came last.
#[derive(Default)]
pub(crate) struct Oneof {
    pub(crate) number: u32,
    pub(crate) spans: Spans,
}

impl Oneof {
    /// A member that is a message: merged if it is the one that was there.
    pub(crate) fn merge(&mut self, field: &Field, name: &str) -> Result<()> {
        let span = field.span(MESSAGE).map_err(|error| error.inside(name))?;
        if self.number != field.number {
            self.number = field.number;
            self.spans = Spans::default();
        }
        self.spans.push(span);
        Ok(())
    }

    pub(crate) fn replace(
        &mut self,
        field: &Field,
        name: &str,
        expected: &'static str,
    ) -> Result<()> {
        let span = field.span(expected).map_err(|error| error.inside(name))?;
        self.number = field.number;
        self.spans = Spans::one(span);
        Ok(())
    }
}

/// Passes over the error of a field in another wire type than its number's.
fn known(read: Result<()>) -> Result<()> {
    match read {
        Err(DecodeError::WrongType { .. }) => Ok(()),
        other => other,
    }
}

/// Adds a message to those that are merged with it.
pub(crate) fn push(spans: &mut Spans, field: &Field, name: &str) -> Result<()> {
    spans.push(field.span(MESSAGE).map_err(|error| error.inside(name))?);
    Ok(())
}
