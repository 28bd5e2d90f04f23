//! What nodes of a graph are sent beside requests of inference: several messages to be made one,
//! and rewards. The protocol has neither; these are the forms of Seldon's executor.

use bytes::Bytes;
use streeling_core::{Error, Feedback, Meter, Result};

use super::fields::{Reader, Request, object, refused};
use super::request::complete;
use crate::error::take;
use crate::json::document::one_value;
use crate::json::fields::number;
use crate::oip::input::message;
use crate::oip::message::InferRequest;

/// Reads what is to be made one: a list of responses, or of requests.
///
/// # Errors
///
/// As [`decode`](super::decode).
pub fn decode_messages(json: &Bytes, memory: &Meter) -> Result<Vec<InferRequest>> {
    let reader = Reader { body: json, memory };
    let messages = one_value(json, |cursor| {
        let mut messages = Vec::new();
        cursor.list(|cursor| {
            take(memory, 3 * size_of::<Request<'_>>(), cursor.pos)?;
            messages.push(reader.message(cursor)?);
            Ok(())
        })?;
        Ok(messages)
    });
    let messages = messages.map_err(refused)?;
    memory.take(messages.len() * size_of::<InferRequest>())?;
    let messages = messages.into_iter().enumerate().map(|(index, request)| {
        complete(request, None, memory).map_err(|error| Error {
            info: format!("[{index}]: {}", error.info),
            ..error
        })
    });
    messages.collect()
}

/// Reads feedback: `{"request": …, "response": …, "truth": …, "reward": 1.0}`, where the first
/// three are requests or responses of inference and may be left out.
///
/// # Errors
///
/// As [`decode`](super::decode) and [`message`](crate::oip::message).
pub fn decode_feedback(json: &Bytes, memory: &Meter) -> Result<Feedback> {
    let reader = Reader { body: json, memory };
    let (mut request, mut response, mut truth, mut reward) = (None, None, None, 0.0);
    one_value(json, |cursor| {
        object(cursor, |cursor, name| {
            match name {
                "request" => request = Some(reader.message(cursor)?),
                "response" => response = Some(reader.message(cursor)?),
                "truth" => truth = Some(reader.message(cursor)?),
                "reward" => reward = number(cursor)?.as_f64(),
                _ => cursor.skip()?,
            }
            Ok(())
        })
    })
    .map_err(refused)?;
    let read = |part: Option<Request<'_>>, name: &str| {
        let part = part.map(|part| message(complete(part, None, memory)?, memory));
        part.transpose().map_err(|error| Error {
            info: format!("{name}: {}", error.info),
            ..error
        })
    };
    Ok(Feedback {
        request: read(request, "request")?,
        response: read(response, "response")?,
        truth: read(truth, "truth")?,
        #[expect(clippy::cast_possible_truncation, reason = "a reward is a float32")]
        reward: reward as f32,
        routing: None,
    })
}
