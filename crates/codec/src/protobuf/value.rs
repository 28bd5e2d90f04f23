//! `google.protobuf.Value` as JSON text.

use super::body::Body;
use super::wire::{DEPTH_LIMIT, INTEGER, MESSAGE, Span, Spans, TEXT};
use crate::error::{DecodeError, Result};
use crate::json::{encode_string, float_in_protobuf_form};

const NUMBER: &str = "a float64";

/// What a value holds.
enum Kind {
    Null,
    Number(f64),
    Text(Span),
    Bool(bool),
    Object(Spans),
    List(Spans),
}

impl Body<'_> {
    /// Appends a value; one that holds nothing is null. `depth` counts the messages around it.
    pub(crate) fn value(&self, spans: &Spans, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        let depth = deeper(spans, depth)?;
        match self.kind(spans)? {
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::Number(number) => float_in_protobuf_form(number, out),
            Kind::Text(span) => encode_string(self.str(span)?, out),
            Kind::Bool(true) => out.extend_from_slice(b"true"),
            Kind::Bool(false) => out.extend_from_slice(b"false"),
            Kind::Object(spans) => self.object(&spans, depth, out)?,
            Kind::List(spans) => self.list(&spans, depth, out)?,
        }
        Ok(())
    }

    fn kind(&self, spans: &Spans) -> Result<Kind> {
        let mut kind = Kind::Null;
        self.fields(spans, |field| {
            match field.number {
                1 => {
                    field.varint(INTEGER)?;
                    kind = Kind::Null;
                }
                2 => kind = Kind::Number(field.float64(NUMBER)?),
                3 => kind = Kind::Text(field.span(TEXT)?),
                4 => kind = Kind::Bool(field.varint("a boolean")? != 0),
                5 => {
                    let span = field.span(MESSAGE)?;
                    if let Kind::Object(spans) = &mut kind {
                        spans.push(span);
                    } else {
                        kind = Kind::Object(Spans::one(span));
                    }
                }
                6 => {
                    let span = field.span(MESSAGE)?;
                    if let Kind::List(spans) = &mut kind {
                        spans.push(span);
                    } else {
                        kind = Kind::List(Spans::one(span));
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(kind)
    }

    /// Appends a `ListValue`.
    pub(crate) fn list(&self, spans: &Spans, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        let depth = deeper(spans, depth)?;
        let mut index = 0;
        out.push(b'[');
        self.fields(spans, |field| {
            if field.number == 1 {
                let element = field.span(MESSAGE)?;
                if index > 0 {
                    out.push(b',');
                }
                self.value(&Spans::one(element), depth, out)
                    .map_err(|error| error.at_index(index))?;
                index += 1;
            }
            Ok(())
        })?;
        out.push(b']');
        Ok(())
    }

    /// Appends a `Struct`. A key that comes twice is written twice, and the last one counts.
    fn object(&self, spans: &Spans, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        let depth = deeper(spans, depth)?;
        let mut first = true;
        out.push(b'{');
        self.fields(spans, |field| {
            if field.number != 1 {
                return Ok(());
            }
            let entry = Spans::one(field.span(MESSAGE)?);
            let depth = deeper(&entry, depth)?;
            let mut key = "";
            let mut value = Spans::default();
            self.fields(&entry, |field| {
                match field.number {
                    1 => key = self.str(field.span(TEXT)?)?,
                    2 => value.push(field.span(MESSAGE)?),
                    _ => {}
                }
                Ok(())
            })?;
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            encode_string(key, out);
            out.push(b':');
            self.value(&value, depth, out)
                .map_err(|error| error.inside(key))
        })?;
        out.push(b'}');
        Ok(())
    }
}

fn deeper(spans: &Spans, depth: usize) -> Result<usize> {
    if depth == DEPTH_LIMIT {
        return Err(DecodeError::TooDeep {
            path: String::new(),
            offset: spans.start(),
            limit: DEPTH_LIMIT,
        });
    }
    Ok(depth + 1)
}
