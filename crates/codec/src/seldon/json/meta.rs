//! The fields of `meta`.

use streeling_core::{Meta, Metric, MetricKind, Number, RawJson, Table, Untyped};

use super::reader::{Mode, Reader};
use crate::error::Result;
use crate::json::fields::{Slot, field, int32, number, or_null, table, text};
use crate::json::scan::Cursor;
use crate::seldon::cost;

impl Reader<'_> {
    /// `meta`, or null for none; what is as good as none in a request. It may have anything in it.
    pub(super) fn meta(&self, cursor: &mut Cursor<'_>) -> Result<Meta> {
        if cursor.take_word(b"null") || self.without_fields(cursor) {
            return Ok(Meta::default());
        }
        if self.mode == Mode::Request && cursor.peek() != Some(b'{') {
            let here = *cursor;
            if self.raw(cursor)?.is_falsy() {
                return Ok(Meta::default());
            }
            return Err(here.wrong_type("an object"));
        }
        let start = cursor.pos;
        let mut id: Slot<Option<String>> = None;
        let mut tags: Slot<Table<RawJson>> = None;
        let mut routing: Slot<Table<i32>> = None;
        let mut path: Slot<Table<String>> = None;
        let mut metrics: Slot<Vec<Metric>> = None;
        let mut untyped = Untyped::default();
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            let name = &*name;
            let other = &mut untyped;
            match name {
                "puid" => {
                    let read = |cursor: &mut Cursor<'_>| text(cursor).map(Some);
                    id = self.field_of_meta(cursor, name, other, read)?;
                }
                "tags" => {
                    let read = |cursor: &mut Cursor<'_>| {
                        table(cursor, |cursor| {
                            self.take(cursor, cost::ENTRY)?;
                            self.raw(cursor)
                        })
                    };
                    tags = self.field_of_meta(cursor, name, other, read)?;
                }
                "routing" => {
                    let read = |cursor: &mut Cursor<'_>| {
                        table(cursor, |cursor| {
                            self.take(cursor, cost::ENTRY)?;
                            int32(cursor)
                        })
                    };
                    routing = self.field_of_meta(cursor, name, other, read)?;
                }
                "requestPath" => {
                    let mut rest = Table::new();
                    let read = |cursor: &mut Cursor<'_>| self.path(cursor, &mut rest);
                    path = self.field_of_meta(cursor, name, other, read)?;
                    untyped.path = rest;
                }
                // Those of requests are typed as well.
                "metrics" => {
                    metrics = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| self.metrics(cursor))
                    })?;
                }
                _ if self.mode != Mode::Response => self.unknown(cursor, name, span.start)?,
                _ => {
                    self.take(cursor, cost::ENTRY)?;
                    let owned = cursor.text(span)?.into_owned();
                    let value = self.raw(cursor).map_err(|error| error.inside(name))?;
                    other.fields.insert(owned, value);
                }
            }
            Ok(())
        })?;
        let mut meta = Meta {
            id: id.transpose()?.flatten(),
            tags: tags.transpose()?.unwrap_or_default(),
            routing: routing.transpose()?.unwrap_or_default(),
            path: path.transpose()?.unwrap_or_default(),
            metrics: metrics.transpose()?.unwrap_or_default(),
            untyped: None,
        };
        if self.mode == Mode::Request {
            untyped.text = Some(self.text_between(start, cursor.pos));
        }
        if untyped.text.is_some() || !untyped.fields.is_empty() {
            meta.untyped = Some(Box::new(untyped));
        }
        Ok(meta)
    }

    /// A field that the protocol has a type for. In a request one of another type counts as a field
    /// that the protocol does not know.
    fn field_of_meta<'a, T: Default>(
        &self,
        cursor: &mut Cursor<'a>,
        name: &str,
        untyped: &mut Untyped,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
    ) -> Result<Slot<T>> {
        if self.mode != Mode::Request {
            return field(cursor, name, |cursor| or_null(cursor, read));
        }
        let start = *cursor;
        match field(cursor, name, read)? {
            Some(Err(_)) => {
                *cursor = start;
                let value = self.raw(cursor).map_err(|error| error.inside(name))?;
                untyped.fields.insert(name.to_owned(), value);
                Ok(None)
            }
            typed => {
                untyped.fields.remove(name);
                Ok(typed)
            }
        }
    }

    /// The path of a request; what is no text in it is left in `rest`.
    fn path(&self, cursor: &mut Cursor<'_>, rest: &mut Table<RawJson>) -> Result<Table<String>> {
        if self.mode != Mode::Request {
            return table(cursor, |cursor| self.entry_text(cursor));
        }
        let mut path = Table::new();
        cursor.object(|cursor, span| {
            self.take(cursor, cost::ENTRY)?;
            let node = cursor.text(span)?.into_owned();
            let start = *cursor;
            if let Ok(image) = text(cursor) {
                rest.remove(&node);
                path.insert(node, image);
            } else {
                *cursor = start;
                path.remove(&node);
                rest.insert(node, self.raw(cursor)?);
            }
            Ok(())
        })?;
        Ok(path)
    }

    /// The text in an entry of a table.
    fn entry_text(&self, cursor: &mut Cursor<'_>) -> Result<String> {
        self.take(cursor, cost::ENTRY)?;
        text(cursor)
    }

    fn metrics(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Metric>> {
        let mut metrics = Vec::new();
        cursor.list(|cursor| {
            self.take(cursor, cost::METRIC)?;
            metrics.push(self.metric(cursor)?);
            Ok(())
        })?;
        Ok(metrics)
    }

    /// One metric. What it does not say has protobuf's default: no name, `COUNTER`, 0.
    fn metric(&self, cursor: &mut Cursor<'_>) -> Result<Metric> {
        let mut key: Slot<String> = None;
        let mut kind: Slot<MetricKind> = None;
        let mut value: Slot<Number> = None;
        let mut tags: Slot<Option<Table<String>>> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "key" => key = field(cursor, &name, text)?,
                "type" => kind = field(cursor, &name, metric_kind)?,
                "value" => value = field(cursor, &name, metric_value)?,
                "tags" => {
                    tags = field(cursor, &name, |cursor| {
                        or_null(cursor, |cursor| {
                            table(cursor, |cursor| self.entry_text(cursor)).map(Some)
                        })
                    })?;
                }
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        Ok(Metric {
            key: key.transpose()?.unwrap_or_default(),
            kind: kind.transpose()?.unwrap_or(MetricKind::Counter),
            value: value.transpose()?.unwrap_or(Number::Int(0)),
            tags: tags.transpose()?.flatten(),
        })
    }
}

/// A number, or a boolean, which in Python is one.
fn metric_value(cursor: &mut Cursor<'_>) -> Result<Number> {
    if cursor.take_word(b"true") {
        return Ok(Number::Int(1));
    }
    if cursor.take_word(b"false") {
        return Ok(Number::Int(0));
    }
    number(cursor)
}

/// The type of a metric: a name, or the number that stands for it.
fn metric_kind(cursor: &mut Cursor<'_>) -> Result<MetricKind> {
    let here = *cursor;
    let kind = if cursor.peek() == Some(b'"') {
        MetricKind::from_name(&cursor.string()?)
    } else {
        match int32(cursor) {
            Ok(0) => Some(MetricKind::Counter),
            Ok(1) => Some(MetricKind::Gauge),
            Ok(2) => Some(MetricKind::Timer),
            _ => None,
        }
    };
    kind.ok_or_else(|| here.wrong_type("`COUNTER` (0), `GAUGE` (1) or `TIMER` (2)"))
}
