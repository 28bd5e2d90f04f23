//! Documents of several messages: lists and feedback.

use streeling_core::{Feedback, Message};

use super::reader::{Reader, object_here};
use crate::error::{DecodeError, Result};
use crate::json::fields::{Slot, field, number};
use crate::json::scan::Cursor;
use crate::seldon::{PAYLOADS, cost};

impl Reader<'_> {
    /// Several messages: an object with `seldonMessages`, or just the list.
    pub(super) fn messages(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Message>> {
        let start = cursor.pos;
        let list = |cursor: &mut Cursor<'_>| {
            let mut messages = Vec::new();
            cursor.list(|cursor| {
                self.take(cursor, cost::MESSAGE)?;
                messages.push(self.message(cursor)?);
                Ok(())
            })?;
            Ok(messages)
        };
        if cursor.peek() == Some(b'[') {
            return list(cursor);
        }
        object_here(cursor)?;
        let missing = DecodeError::NoPayload {
            path: String::new(),
            offset: start,
            expected: PAYLOADS,
        };
        let mut slot: Slot<Vec<Message>> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            if name != "seldonMessages" {
                return self.unknown(cursor, &name, span.start);
            }
            slot = if cursor.peek() == Some(b'[') {
                field(cursor, &name, list)?
            } else {
                cursor.skip().map_err(|error| error.inside(&name))?;
                None
            };
            Ok(())
        })?;
        slot.unwrap_or(Err(missing))
    }

    pub(super) fn feedback(&self, cursor: &mut Cursor<'_>) -> Result<Feedback> {
        if self.without_fields(cursor) {
            return Ok(Feedback::default());
        }
        object_here(cursor)?;
        let message = |cursor: &mut Cursor<'_>| -> Result<Option<Message>> {
            if self.absent(cursor) {
                return Ok(None);
            }
            self.message(cursor).map(Some)
        };
        let mut request: Slot<Option<Message>> = None;
        let mut response: Slot<Option<Message>> = None;
        let mut truth: Slot<Option<Message>> = None;
        let mut reward: Slot<f32> = None;
        cursor.object(|cursor, span| {
            let name = cursor.field(span);
            match &*name {
                "request" => request = field(cursor, &name, message)?,
                "response" => response = field(cursor, &name, message)?,
                "truth" => truth = field(cursor, &name, message)?,
                "reward" => {
                    reward = field(cursor, &name, |cursor| self.reward(cursor))?;
                }
                _ => self.unknown(cursor, &name, span.start)?,
            }
            Ok(())
        })?;
        Ok(Feedback {
            request: request.transpose()?.flatten(),
            response: response.transpose()?.flatten(),
            reward: reward.transpose()?.unwrap_or_default(),
            truth: truth.transpose()?.flatten(),
            routing: None,
        })
    }

    /// A reward, as protobuf's JSON has floats: also as text, also a boolean.
    fn reward(&self, cursor: &mut Cursor<'_>) -> Result<f32> {
        const EXPECTED: &str = "a number that a float32 can hold";
        let here = *cursor;
        let quoted = cursor.peek() == Some(b'"');
        let value = if self.absent(cursor) || cursor.take_word(b"false") {
            Some(0.0)
        } else if cursor.take_word(b"true") {
            Some(1.0)
        } else if quoted {
            cursor.string()?.trim().parse().ok()
        } else {
            Some(number(cursor)?.as_f64())
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a reward has 32 bits in the protocol"
        )]
        value
            .map(|value: f64| (value, value as f32))
            .filter(|(value, reward)| reward.is_finite() || quoted && !value.is_finite())
            .map(|(_, reward)| reward)
            .ok_or_else(|| here.wrong_type(EXPECTED))
    }
}
