//! The fields of `meta`.

use streeling_core::{Meta, Metric, MetricKind, Number, RawJson};

use super::reader::Reader;
use crate::error::{DecodeError, Result};
use crate::protobuf::wire::{Field, MESSAGE, Span, Spans};
use crate::seldon::cost;

/// Levels of messages around a tag's value or `jsonData`, at most: list or feedback, message, meta,
/// entry.
const VALUE_DEPTH: usize = 4;

impl Reader<'_> {
    /// A JSON value: a tag or `jsonData`.
    pub(super) fn json(&self, spans: &Spans) -> Result<RawJson> {
        let mut text = Vec::new();
        self.body.value(spans, VALUE_DEPTH, &mut text)?;
        self.take(spans.start(), text.capacity())?;
        Ok(RawJson::from_checked(text.into()))
    }

    pub(super) fn meta(&self, spans: &Spans) -> Result<Meta> {
        let mut meta = Meta::default();
        self.body.fields(spans, |field| {
            match field.number {
                1 => {
                    let id = self.text(field, "puid")?;
                    meta.id = Some(id).filter(|id| !id.is_empty());
                }
                2 => self.body.entry(field, "tags", &mut meta.tags, |value| {
                    self.take(field.offset, cost::ENTRY)?;
                    self.json(&value.spans(MESSAGE)?)
                })?,
                3 => self
                    .body
                    .entry(field, "routing", &mut meta.routing, |value| {
                        self.take(field.offset, cost::ENTRY)?;
                        value.each(Field::int32).map(Option::unwrap_or_default)
                    })?,
                4 => self
                    .body
                    .entry(field, "requestPath", &mut meta.path, |value| {
                        self.take(field.offset, cost::ENTRY)?;
                        value
                            .each(|field| self.body.text(field))
                            .map(Option::unwrap_or_default)
                    })?,
                5 => {
                    self.take(field.offset, cost::METRIC)?;
                    let metric = field
                        .span(MESSAGE)
                        .and_then(|span| self.metric(span))
                        .map_err(|e| e.at_index(meta.metrics.len()).inside("metrics"))?;
                    meta.metrics.push(metric);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(meta)
    }

    fn metric(&self, span: Span) -> Result<Metric> {
        let mut metric = Metric {
            key: String::new(),
            kind: MetricKind::Counter,
            value: Number::Float(0.0),
            tags: None,
        };
        self.body.fields(&Spans::one(span), |field| {
            match field.number {
                1 => metric.key = self.text(field, "key")?,
                2 => {
                    metric.kind = match field.int32().map_err(|error| error.inside("type"))? {
                        0 => MetricKind::Counter,
                        1 => MetricKind::Gauge,
                        2 => MetricKind::Timer,
                        _ => {
                            let what = "a metric type other than COUNTER (0), GAUGE (1), TIMER (2)";
                            return Err(DecodeError::invalid(field.offset, what).inside("type"));
                        }
                    };
                }
                3 => {
                    let value = field.float32().map_err(|error| error.inside("value"))?;
                    metric.value = Number::Float(shortest(value));
                }
                4 => {
                    let tags = metric.tags.get_or_insert_default();
                    self.body.entry(field, "tags", tags, |value| {
                        self.take(field.offset, cost::ENTRY)?;
                        value
                            .each(|field| self.body.text(field))
                            .map(Option::unwrap_or_default)
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(metric)
    }
}

/// The float64 with the digits of a float32, which is what JSON would make of it.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
