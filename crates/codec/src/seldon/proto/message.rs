//! The fields of messages.

use bytes::Bytes;
use streeling_core::{Feedback, Message, Payload, Status};

use super::reader::Reader;
use crate::error::{DecodeError, Result};
use crate::protobuf::body::{Oneof, push};
use crate::protobuf::wire::{BYTES, MESSAGE, Spans, TEXT};
use crate::seldon::{PAYLOADS, cost};

impl Reader<'_> {
    pub(super) fn message(&self, spans: &Spans, needs_payload: bool) -> Result<Message> {
        let mut status = Spans::default();
        let mut meta = Spans::default();
        let mut payload = Oneof::default();
        self.body.fields(spans, |field| match field.number {
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
            3 => Payload::Array(self.data(within).map_err(inside("data"))?),
            4 => Payload::Bytes(
                within
                    .iter()
                    .last()
                    .map(|span| self.body.slice(span))
                    .unwrap_or_default(),
            ),
            5 => {
                let text = within.iter().last().map(|span| {
                    // It is copied once more to the worker.
                    self.take(span.start, 2 * (span.end - span.start))?;
                    self.body.str(span)
                });
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
                    expected: PAYLOADS,
                });
            }
            _ => Payload::None,
        };
        Ok(Message {
            status: if status.is_empty() {
                None
            } else {
                Some(Box::new(self.status(&status).map_err(inside("status"))?))
            },
            meta: self.meta(&meta).map_err(inside("meta"))?,
            payload,
        })
    }

    pub(super) fn messages(&self, spans: &Spans) -> Result<Vec<Message>> {
        // A message takes sixty times the shortest bytes that stand for one, so space is allocated
        // for no more than there are.
        let mut count = 0;
        self.body.fields(spans, |field| {
            count += usize::from(field.number == 1);
            Ok(())
        })?;
        self.take(spans.start(), count.saturating_mul(cost::COUNTED_MESSAGE))?;
        let mut messages = Vec::with_capacity(count);
        self.body.fields(spans, |field| {
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
        self.body.fields(spans, |field| match field.number {
            1 => push(request, field, "request"),
            2 => push(response, field, "response"),
            3 => {
                reward = field.float32().map_err(|error| error.inside("reward"))?;
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
            routing: None,
        })
    }

    fn status(&self, spans: &Spans) -> Result<Status> {
        let mut status = Status::default();
        self.body.fields(spans, |field| {
            match field.number {
                1 => status.code = field.int32().map_err(|error| error.inside("code"))?,
                2 => status.info = self.text(field, "info")?,
                3 => status.reason = self.text(field, "reason")?,
                4 => {
                    status.failure = field.int32().map_err(|error| error.inside("status"))? == 1;
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
        self.body.fields(spans, |field| {
            match field.number {
                1 => type_url = self.text(field, "type_url")?,
                2 => {
                    let span = field.span(BYTES).map_err(|error| error.inside("value"))?;
                    value = self.body.slice(span);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Payload::Any { type_url, value })
    }
}
