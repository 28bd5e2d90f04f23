//! The fields of `meta`.

use streeling_core::{Meta, Metric, MetricKind, Number, RawJson, Table};

use super::reader::Reader;
use crate::error::Result;
use crate::json::fields::{Slot, field, int32, number, or_null, table, text};
use crate::json::scan::Cursor;

impl Reader {
    /// `meta`, or null for an empty one.
    pub(super) fn meta(&self, cursor: &mut Cursor<'_>) -> Result<Meta> {
        if cursor.take_word(b"null") {
            return Ok(Meta::default());
        }
        let mut id: Slot<Option<String>> = None;
        let mut tags: Slot<Table<RawJson>> = None;
        let mut routing: Slot<Table<i32>> = None;
        let mut path: Slot<Table<String>> = None;
        let mut metrics: Slot<Vec<Metric>> = None;
        let mut unknown = Table::new();
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            let name = &*name;
            match name {
                "puid" => {
                    id = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| text(cursor).map(Some))
                    })?;
                }
                "tags" => {
                    tags = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| table(cursor, |cursor| self.raw(cursor)))
                    })?;
                }
                "routing" => {
                    routing = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| table(cursor, int32))
                    })?;
                }
                "requestPath" => {
                    path = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| table(cursor, text))
                    })?;
                }
                "metrics" => {
                    metrics = field(cursor, name, |cursor| {
                        or_null(cursor, |cursor| self.metrics(cursor))
                    })?;
                }
                _ if self.refuses_unknown() => self.unknown(cursor, name, span.start)?,
                _ => {
                    let owned = cursor.text(span)?.into_owned();
                    let value = self.raw(cursor).map_err(|error| error.inside(name))?;
                    unknown.insert(owned, value);
                }
            }
            Ok(())
        })?;
        Ok(Meta {
            id: id.transpose()?.flatten(),
            tags: tags.transpose()?.unwrap_or_default(),
            routing: routing.transpose()?.unwrap_or_default(),
            path: path.transpose()?.unwrap_or_default(),
            metrics: metrics.transpose()?.unwrap_or_default(),
            unknown,
        })
    }

    fn metrics(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Metric>> {
        let mut metrics = Vec::new();
        cursor.list(|cursor| {
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
                        or_null(cursor, |cursor| table(cursor, text).map(Some))
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
