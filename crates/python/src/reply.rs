//! What a worker answers, as the answer or the error that it stands for.

use bytes::{Buf, Bytes};
use serde::Deserialize;
use streeling_codec::json;
use streeling_core::{Answer, DType, Error, ErrorKind, Output, RawJson, Tensor};

use crate::frame::{Fault, Header, ITEM, ItemHeader, ItemKind, Kind};

/// One frame from a worker: header and all that follows it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) header: Header,
    pub(crate) body: Bytes,
}

/// What a reply comes to, unless the component failed.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Answer),
    /// A `_raw` method declined: the request is to be sent again in plain form.
    Declined,
}

impl Reply {
    /// Reads the reply; what the component raised is an error.
    pub(crate) fn outcome(self) -> Result<Outcome, Error> {
        let outcome = match self.header.kind {
            Kind::Reply if self.header.items == 1 => answer(self.body).map(Outcome::Answer),
            Kind::Reply => Err(Fault::Items),
            Kind::Error => match raised(&self.body) {
                Ok(Some(error)) => return Err(error),
                Ok(None) => Ok(Outcome::Declined),
                Err(fault) => Err(fault),
            },
            other => Err(Fault::Unexpected(other)),
        };
        outcome.map_err(|fault| {
            Error::new(
                ErrorKind::Internal,
                format!("the worker's answer cannot be read: {fault}"),
            )
        })
    }
}

fn answer(mut rest: Bytes) -> Result<Answer, Fault> {
    let item = ItemHeader::decode(&rest)?;
    rest.advance(ITEM);
    let sides = usize::from(item.ndim) * 8;
    let expected = (sides as u64)
        .saturating_add(u64::from(item.names))
        .saturating_add(u64::from(item.meta))
        .saturating_add(item.body);
    if expected != rest.len() as u64 {
        return Err(Fault::Items);
    }
    let mut sides = rest.split_to(sides);
    let shape: Vec<usize> = (0..item.ndim)
        .map(|_| sides.get_u64_le() as usize)
        .collect();
    let names = rest.split_to(item.names as usize);
    let meta = rest.split_to(item.meta as usize);
    let body = rest;

    let output = match item.kind {
        ItemKind::None => Output::None,
        ItemKind::Numbers => {
            let dtype = DType::from_code(item.dtype).ok_or(Fault::DType(item.dtype))?;
            Output::Tensor(Tensor::new(dtype, shape, body)?)
        }
        ItemKind::List => Output::List {
            json: RawJson::from_checked(body),
            columns: shape.get(1).copied(),
        },
        ItemKind::Text => Output::Text(String::from_utf8(body.into()).map_err(|_| Fault::Utf8)?),
        ItemKind::Binary => Output::Binary(body),
        ItemKind::Json => Output::Json(RawJson::from_checked(body)),
        ItemKind::Message => {
            let message = json::decode_answer(&body).map_err(|e| Fault::Json(e.to_string()))?;
            Output::Message(Box::new(message))
        }
        ItemKind::Unchanged => Output::Unchanged,
        ItemKind::Raw => Output::Raw(body),
    };
    let names = if names.is_empty() {
        None
    } else {
        Some(json::decode_names(&names).map_err(|e| Fault::Json(e.to_string()))?)
    };
    let mut answer = Answer {
        output,
        names,
        ..Answer::default()
    };
    if !meta.is_empty() {
        let meta = json::decode_meta(&meta).map_err(|e| Fault::Json(e.to_string()))?;
        answer.tags = meta.tags;
        answer.metrics = meta.metrics;
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Raised {
    Component,
    BadData,
    BadMetric,
    NotImplemented,
    Deadline,
}

#[derive(Deserialize)]
struct ErrorBody {
    kind: Raised,
    info: String,
    reason: Option<String>,
    status: Option<u16>,
    code: Option<i32>,
    traceback: Option<String>,
}

/// What the component raised; `None` when a `_raw` method declined.
fn raised(body: &[u8]) -> Result<Option<Error>, Fault> {
    let body: ErrorBody =
        serde_json::from_slice(body).map_err(|error| Fault::Json(error.to_string()))?;
    let kind = match body.kind {
        Raised::Component => ErrorKind::Component,
        Raised::BadData => ErrorKind::BadData,
        Raised::BadMetric => ErrorKind::BadMetric,
        Raised::Deadline => ErrorKind::Deadline,
        Raised::NotImplemented => return Ok(None),
    };
    if let Some(traceback) = body.traceback {
        tracing::error!(target: "streeling::component", "{}\n{}", body.info, traceback.trim_end());
    }
    let mut error = Error::new(kind, body.info);
    error.reason = body.reason.map(Into::into);
    error.http_status = body.status;
    error.code = body.code.unwrap_or(error.code);
    Ok(Some(error))
}
