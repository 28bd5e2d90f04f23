//! The fields of messages and of `meta`.

use std::cell::Cell;

use bytes::Bytes;
use streeling_core::{
    Feedback, Message, Meta, Metric, MetricKind, Number, Payload, RawJson, Status, Table,
};

use super::Limits;
use super::wire::{Field, Fields, Span, Spans};
use crate::DecodeError;
use crate::error::Result;

/// Levels of messages, as in every protobuf library.
pub(super) const DEPTH_LIMIT: usize = 100;

/// Levels of messages around a tag's value or `jsonData`, at most: list or feedback, message, meta, entry.
pub(super) const VALUE_DEPTH: usize = 4;

pub(super) const TEXT: &str = "text";
pub(super) const MESSAGE: &str = "a message";
pub(super) const INTEGER: &str = "an integer";
pub(super) const BYTES: &str = "bytes";
const FLOAT: &str = "a float32";

/// A body that is being read.
pub(super) struct Document<'b> {
    body: &'b Bytes,
    /// Bytes that repeated values may still take.
    pub(super) room: Cell<usize>,
}

impl<'b> Document<'b> {
    pub(super) fn new(body: &'b Bytes, limits: Limits) -> Self {
        Self {
            body,
            room: Cell::new(limits.repeated),
        }
    }

    pub(super) fn body(&self) -> &'b [u8] {
        self.body
    }

    pub(super) fn bytes(&self, span: Span) -> &'b [u8] {
        &self.body[span.start..span.end]
    }

    /// A slice of the body, without a copy.
    pub(super) fn slice(&self, span: Span) -> Bytes {
        self.body.slice(span.start..span.end)
    }

    /// Calls `each` with every field.
    #[inline]
    pub(super) fn fields(
        &self,
        spans: &Spans,
        mut each: impl FnMut(&Field) -> Result<()>,
    ) -> Result<()> {
        for span in spans.iter() {
            let mut fields = Fields::new(self.body, span);
            while let Some(field) = fields.next()? {
                each(&field)?;
            }
        }
        Ok(())
    }

    pub(super) fn str(&self, span: Span) -> Result<&'b str> {
        std::str::from_utf8(self.bytes(span)).map_err(|error| {
            DecodeError::wire(span.start + error.valid_up_to(), "text that is not UTF-8")
        })
    }

    pub(super) fn text(&self, field: &Field) -> Result<String> {
        self.str(field.span(TEXT)?).map(str::to_owned)
    }

    pub(super) fn message(&self, spans: &Spans, needs_payload: bool) -> Result<Message> {
        let mut status = Spans::default();
        let mut meta = Spans::default();
        let mut payload = Oneof::default();
        self.fields(spans, |field| match field.number {
            1 => push(&mut status, field, "status"),
            2 => push(&mut meta, field, "meta"),
            3 => payload.merge(field, "data"),
            4 => payload.replace(field, "binData", BYTES),
            5 => payload.replace(field, "strData", TEXT),
            6 => payload.merge(field, "jsonData"),
            7 => payload.merge(field, "customData"),
            _ => Ok(()),
        })?;
        let inside = |name| move |error: DecodeError| error.inside(name);
        let within = &payload.spans;
        let payload = match payload.number {
            3 => Payload::Data(self.data(within).map_err(inside("data"))?),
            4 => Payload::Binary(
                within
                    .iter()
                    .last()
                    .map(|span| self.slice(span))
                    .unwrap_or_default(),
            ),
            5 => {
                let text = within.iter().last().map(|span| self.str(span));
                Payload::Text(
                    text.transpose()
                        .map_err(inside("strData"))?
                        .unwrap_or_default()
                        .to_owned(),
                )
            }
            6 => Payload::Json(self.json(within).map_err(inside("jsonData"))?),
            7 => self.custom(within).map_err(inside("customData"))?,
            _ if needs_payload => {
                return Err(DecodeError::NoPayload {
                    path: String::new(),
                    offset: spans.start(),
                });
            }
            _ => Payload::None,
        };
        Ok(Message {
            status: if status.is_empty() {
                None
            } else {
                Some(self.status(&status).map_err(inside("status"))?)
            },
            meta: self.meta(&meta).map_err(inside("meta"))?,
            payload,
        })
    }

    pub(super) fn messages(&self, spans: &Spans) -> Result<Vec<Message>> {
        // A message is sixty times the shortest bytes that stand for one: room for too many would
        // be dear.
        let mut count = 0;
        self.fields(spans, |field| {
            count += usize::from(field.number == 1);
            Ok(())
        })?;
        let mut messages = Vec::with_capacity(count);
        self.fields(spans, |field| {
            if field.number == 1 {
                let message = field
                    .span(MESSAGE)
                    .and_then(|span| self.message(&Spans::one(span), true))
                    .map_err(|error| error.at_index(messages.len()).inside("seldonMessages"))?;
                messages.push(message);
            }
            Ok(())
        })?;
        Ok(messages)
    }

    pub(super) fn feedback(&self, spans: &Spans) -> Result<Feedback> {
        let mut parts = [Spans::default(), Spans::default(), Spans::default()];
        let [request, response, truth] = &mut parts;
        let mut reward = 0.0;
        self.fields(spans, |field| match field.number {
            1 => push(request, field, "request"),
            2 => push(response, field, "response"),
            3 => {
                reward = field
                    .float32(FLOAT)
                    .map_err(|error| error.inside("reward"))?;
                Ok(())
            }
            4 => push(truth, field, "truth"),
            _ => Ok(()),
        })?;
        let [request, response, truth] = &parts;
        let message = |spans: &Spans, name| {
            if spans.is_empty() {
                return Ok(None);
            }
            let message = self.message(spans, false);
            message.map(Some).map_err(|error| error.inside(name))
        };
        Ok(Feedback {
            request: message(request, "request")?,
            response: message(response, "response")?,
            reward,
            truth: message(truth, "truth")?,
        })
    }

    fn status(&self, spans: &Spans) -> Result<Status> {
        let mut status = Status::default();
        self.fields(spans, |field| {
            match field.number {
                1 => status.code = int32(field).map_err(|error| error.inside("code"))?,
                2 => status.info = self.text(field).map_err(|error| error.inside("info"))?,
                3 => status.reason = self.text(field).map_err(|error| error.inside("reason"))?,
                4 => {
                    status.failure = int32(field).map_err(|error| error.inside("status"))? == 1;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(status)
    }

    /// `customData`: an `Any`.
    fn custom(&self, spans: &Spans) -> Result<Payload> {
        let mut type_url = String::new();
        let mut value = Bytes::new();
        self.fields(spans, |field| {
            match field.number {
                1 => type_url = self.text(field).map_err(|error| error.inside("type_url"))?,
                2 => {
                    let span = field.span(BYTES).map_err(|error| error.inside("value"))?;
                    value = self.slice(span);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Payload::Custom { type_url, value })
    }

    fn json(&self, spans: &Spans) -> Result<RawJson> {
        let mut text = Vec::new();
        self.value(spans, VALUE_DEPTH, &mut text)?;
        Ok(RawJson::from_checked(text.into()))
    }

    fn meta(&self, spans: &Spans) -> Result<Meta> {
        let mut meta = Meta::default();
        self.fields(spans, |field| {
            match field.number {
                1 => {
                    let puid = self.text(field).map_err(|error| error.inside("puid"))?;
                    meta.puid = Some(puid).filter(|puid| !puid.is_empty());
                }
                2 => self.entry(field, "tags", &mut meta.tags, |value| {
                    self.json(&value.spans(MESSAGE)?)
                })?,
                3 => self.entry(field, "routing", &mut meta.routing, |value| {
                    value.each(int32).map(Option::unwrap_or_default)
                })?,
                4 => self.entry(field, "requestPath", &mut meta.request_path, |value| {
                    value
                        .each(|field| self.text(field))
                        .map(Option::unwrap_or_default)
                })?,
                5 => {
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
        self.fields(&Spans::one(span), |field| {
            match field.number {
                1 => metric.key = self.text(field).map_err(|error| error.inside("key"))?,
                2 => {
                    metric.kind = match int32(field).map_err(|error| error.inside("type"))? {
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
                    let value = field
                        .float32(FLOAT)
                        .map_err(|error| error.inside("value"))?;
                    metric.value = Number::Float(shortest(value));
                }
                4 => {
                    let tags = metric.tags.get_or_insert_default();
                    self.entry(field, "tags", tags, |value| {
                        value
                            .each(|field| self.text(field))
                            .map(Option::unwrap_or_default)
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(metric)
    }

    /// One entry of a map.
    fn entry<T>(
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

/// The value of an entry of a map: of its fields the last counts, or all of them merged. There need
/// not be one.
#[derive(Default)]
struct Entry {
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

    /// Reads every field; gives what the last one holds.
    fn each<T>(&self, mut read: impl FnMut(&Field) -> Result<T>) -> Result<Option<T>> {
        let mut last = None;
        for field in self.first.iter().chain(&self.rest) {
            last = Some(read(field)?);
        }
        Ok(last)
    }

    fn spans(&self, expected: &'static str) -> Result<Spans> {
        let mut spans = Spans::default();
        self.each(|field| field.span(expected).map(|span| spans.push(span)))?;
        Ok(spans)
    }
}

/// The member of a `oneof` that came last.
#[derive(Default)]
pub(super) struct Oneof {
    pub(super) number: u32,
    pub(super) spans: Spans,
}

impl Oneof {
    /// A member that is a message: merged if it is the one that was there.
    pub(super) fn merge(&mut self, field: &Field, name: &str) -> Result<()> {
        if self.number != field.number {
            self.number = field.number;
            self.spans = Spans::default();
        }
        push(&mut self.spans, field, name)
    }

    fn replace(&mut self, field: &Field, name: &str, expected: &'static str) -> Result<()> {
        let span = field.span(expected).map_err(|error| error.inside(name))?;
        self.number = field.number;
        self.spans = Spans::one(span);
        Ok(())
    }
}

fn push(spans: &mut Spans, field: &Field, name: &str) -> Result<()> {
    spans.push(field.span(MESSAGE).map_err(|error| error.inside(name))?);
    Ok(())
}

/// An integer of 32 bits; what is above them is cut off, as protobuf has it.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
pub(super) fn int32(field: &Field) -> Result<i32> {
    field.varint(INTEGER).map(|value| value as i32)
}

/// The float64 with the digits of a float32, which is what JSON would make of it.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
