//! A worker's reply as the response or the error that it stands for.

use bytes::{Buf, Bytes};
use serde::Deserialize;
use streeling_codec::seldon::{json, proto};
use streeling_core::{
    Array, DType, Elements, Encoding, Error, ErrorKind, Layout, Limit, Message, Meta, Names, Page,
    Payload, RawJson, Response, Status, Tensor, Untyped,
};

use crate::frame::{Fault, Header, ITEM, ItemHeader, ItemKind, Kind};
use crate::http;
use crate::names::own_names;
use crate::tensors;

/// The most columns of an array without elements that get default names: each of these is written,
/// whether or not there is anything below it.
const EMPTY_COLUMNS: usize = 1 << 18;

/// Where the meta of a raw response has the HTTP status that it chooses.
const STATUS: &str = "status";

/// Where the meta of other responses has the list that an array was made of, and the metrics as the
/// component wrote them, where what is sent beside says less.
const LIST: &str = "list";
const WRITTEN: &str = "written";

/// One frame from a worker: header and all that follows it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) header: Header,
    pub(crate) body: Bytes,
    /// The slot of the worker that it came from.
    pub(crate) slot: usize,
}

/// What a reply stands for, unless the component failed.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Response),
    /// An array with the list that it was made of, whose numbers are of several types.
    Listed(Response, RawJson),
    /// A `_raw` method declined: the request is to be sent again in plain form.
    Declined,
}

impl Reply {
    /// Reads the reply to a caller that uses this encoding; what the component raised is an error,
    /// with its `traceback` in the text or not.
    pub(crate) fn outcome(self, encoding: Encoding, traceback: bool) -> Result<Outcome, Error> {
        let worker = Some(self.slot);
        match self.read(encoding, traceback) {
            Ok(Outcome::Response(response)) => {
                Ok(Outcome::Response(Response { worker, ..response }))
            }
            Ok(Outcome::Listed(response, list)) => {
                Ok(Outcome::Listed(Response { worker, ..response }, list))
            }
            Ok(Outcome::Declined) => Ok(Outcome::Declined),
            Err(error) => Err(Error { worker, ..error }),
        }
    }

    /// Reads the reply to a request that no route is for; `None` where the component has no page
    /// there, either.
    pub(crate) fn page(self, traceback: bool) -> Result<Option<Page>, Error> {
        match self.outcome(Encoding::Json, traceback) {
            Ok(Outcome::Declined) => Ok(None),
            Ok(Outcome::Response(_) | Outcome::Listed(..)) => Err(Error::new(
                ErrorKind::Internal,
                "the worker responded with a message where a page is due",
            )),
            Err(error) => match error.page {
                // What an error of the component's own looks like is the transport's matter.
                Some(page) if page.status.is_some() => Ok(Some(*page)),
                page => Err(Error { page, ..error }),
            },
        }
    }

    fn read(self, encoding: Encoding, traceback: bool) -> Result<Outcome, Error> {
        let result = match self.header.kind {
            Kind::Reply => match outcome(self.body, encoding) {
                Ok(outcome) => return outcome,
                Err(fault) => Err(fault),
            },
            Kind::Error => match raised(&self.body, traceback) {
                Ok(Some(error)) => return Err(error),
                Ok(None) => Ok(Outcome::Declined),
                Err(fault) => Err(fault),
            },
            other => Err(Fault::Unexpected(other)),
        };
        result.map_err(|fault| {
            Error::new(
                ErrorKind::Internal,
                format!("the worker's response cannot be read: {fault}"),
            )
        })
    }
}

/// The response in a reply; the inner error is the component's, which returned what cannot be sent.
fn outcome(mut rest: Bytes, encoding: Encoding) -> Result<Result<Outcome, Error>, Fault> {
    let item = ItemHeader::decode(&rest)?;
    rest.advance(ITEM);
    let shape = usize::from(item.ndim) * 8;
    let expected = (shape as u64)
        .saturating_add(u64::from(item.names))
        .saturating_add(u64::from(item.meta))
        .saturating_add(item.body);
    if expected != rest.len() as u64 {
        return Err(Fault::Items);
    }
    let mut dimensions = rest.split_to(shape);
    let shape: Vec<usize> = (0..item.ndim)
        .map(|_| dimensions.get_u64_le() as usize)
        .collect();
    let names = match own_names(rest.split_to(item.names as usize), encoding) {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    let meta = rest.split_to(item.meta as usize);
    let body = rest;

    let payload = match item.kind {
        ItemKind::None => Payload::None,
        ItemKind::Numbers => {
            let dtype = DType::from_code(item.dtype).ok_or(Fault::DType(item.dtype))?;
            let has_columns = columns(&shape, &names, &body).is_some();
            Payload::Array(Array {
                names: names.filter(|_| has_columns).unwrap_or(Names::Unset),
                layout: Layout::Unset,
                elements: Elements::Typed(Tensor::new(dtype, shape, body)?),
            })
        }
        ItemKind::List => Payload::Array(Array {
            names: names_of_list(&shape, names, &body, encoding),
            layout: Layout::Nested,
            elements: Elements::Json(RawJson::from_checked(body)),
        }),
        ItemKind::TensorProto => Payload::Array(Array {
            names: names_of_list(&shape, names, &body, encoding),
            layout: Layout::TensorProto,
            elements: Elements::Json(RawJson::from_checked(body)),
        }),
        ItemKind::Text => Payload::Text(text(body)?),
        ItemKind::Binary => Payload::Bytes(body),
        ItemKind::Json => Payload::Json(RawJson::from_checked(body)),
        ItemKind::Quoted => Payload::Quoted(RawJson::from_checked(body)),
        ItemKind::Protobuf if encoding != Encoding::Protobuf => {
            return Err(Fault::UnexpectedItem(item.kind));
        }
        ItemKind::Message | ItemKind::Protobuf => {
            let body = match raw_message(item.kind, body, encoding) {
                Ok(body) => body,
                Err(error) => return Ok(Err(error)),
            };
            let response = Response::complete(uninspected(body, &meta)?);
            return Ok(Ok(Outcome::Response(response)));
        }
        ItemKind::Custom if encoding != Encoding::Protobuf => return Ok(Err(no_custom())),
        ItemKind::Custom => custom(body)?,
        ItemKind::Passthrough => Payload::Opaque(vec![body]),
        ItemKind::Http => return Ok(Err(own(http::page(body)?))),
        ItemKind::Named if encoding == Encoding::Tensors => tensors::named(body)?,
        ItemKind::Named | ItemKind::Columns => return Err(Fault::UnexpectedItem(item.kind)),
    };
    let mut response = Response::from(payload);
    let mut list = None;
    if !meta.is_empty() {
        let meta = decode_meta(&meta)?;
        // What JSON alone can say is for callers that read it.
        if let Some(untyped) = meta.untyped
            && encoding == Encoding::Json
        {
            let mut fields = untyped.fields;
            list = fields.remove(LIST);
            if let Some(written) = fields.remove(WRITTEN) {
                response.message.meta.untyped = Some(Box::new(Untyped {
                    metrics: Some(written),
                    ..Untyped::default()
                }));
            }
        }
        response.message.meta.tags = meta.tags;
        response.message.meta.metrics = meta.metrics;
    }
    Ok(Ok(match list {
        Some(list) => Outcome::Listed(response, list),
        None => Outcome::Response(response),
    }))
}

/// How many columns an array has that have names: below two dimensions none, and none of more than
/// anybody has sent elements for.
fn columns(shape: &[usize], names: &Option<Names>, body: &Bytes) -> Option<usize> {
    let columns = *shape.get(1)?;
    (names.is_some() || columns <= body.len().max(EMPTY_COLUMNS)).then_some(columns)
}

fn names_of_list(shape: &[usize], names: Option<Names>, body: &Bytes, encoding: Encoding) -> Names {
    let Some(columns) = columns(shape, &names, body) else {
        return Names::new();
    };
    names.unwrap_or(match encoding {
        Encoding::Json | Encoding::Protobuf => Names::Numbered(columns),
        Encoding::Tensors => Names::Unset,
    })
}

fn text(body: Bytes) -> Result<String, Fault> {
    String::from_utf8(body.into()).map_err(|_| Fault::Utf8)
}

/// A raw response, which the server does not look into: what counts in it is what the worker says.
fn uninspected(body: Bytes, meta: &Bytes) -> Result<Message, Fault> {
    let mut message = Message {
        payload: Payload::Opaque(vec![body]),
        ..Message::default()
    };
    if !meta.is_empty() {
        let meta = decode_meta(meta)?;
        if let Some(code) = meta.untyped(STATUS) {
            let code = serde_json::from_slice(code.as_bytes());
            message.status = Some(Box::new(Status {
                code: code.map_err(|error| Fault::Json(error.to_string()))?,
                ..Status::default()
            }));
        }
        message.meta.metrics = meta.metrics;
    }
    Ok(message)
}

fn decode_meta(meta: &Bytes) -> Result<Meta, Fault> {
    json::decode_meta(meta).map_err(|error| Fault::Json(error.to_string()))
}

/// The response of a `_raw` method for a caller that uses this encoding: as it is, but for JSON to
/// a caller of protobuf.
fn raw_message(kind: ItemKind, body: Bytes, encoding: Encoding) -> Result<Bytes, Error> {
    if (kind, encoding) != (ItemKind::Message, Encoding::Protobuf) {
        return Ok(body);
    }
    let no_message = |error: &dyn std::error::Error| {
        let text = format!("the component's response is not a SeldonMessage: {error}");
        Error::new(ErrorKind::Component, text)
    };
    let mut out = Vec::new();
    let message = json::decode_response(&body).map_err(|error| no_message(&error))?;
    proto::encode_message(&message, &mut out).map_err(|error| no_message(&error))?;
    Ok(out.into())
}

/// Reads `type_url` behind its length, and the value.
fn custom(mut body: Bytes) -> Result<Payload, Fault> {
    let length = body.try_get_u32_le().map_err(|_| Fault::Items)? as usize;
    if length > body.len() {
        return Err(Fault::Items);
    }
    let type_url = text(body.split_to(length))?;
    Ok(Payload::Any {
        type_url,
        value: body,
    })
}

/// The error of a call that the component's own error handlers have responded to.
fn own(page: Page) -> Error {
    let status = page.status.unwrap_or_default();
    Error {
        page: Some(Box::new(page)),
        ..Error::new(
            ErrorKind::Component,
            format!("the component's error handler responded with {status}"),
        )
    }
}

fn no_custom() -> Error {
    Error::new(
        ErrorKind::BadData,
        "customData (a google.protobuf.Any) can be returned over gRPC only",
    )
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
    grpc_status: Option<u8>,
    traceback: Option<String>,
    /// JSON that the exception writes itself.
    body: Option<String>,
    /// The worker has refused it: it would take too much memory.
    #[serde(default)]
    is_beyond_decoded: bool,
}

/// What the component raised; `None` when a `_raw` method declined.
fn raised(body: &[u8], with_traceback: bool) -> Result<Option<Error>, Fault> {
    let mut body: ErrorBody =
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
        if with_traceback {
            body.info = format!("{}\n{}", body.info, traceback.trim_end());
        }
    }
    let mut error = Error::new(kind, body.info);
    error.limit = match kind {
        ErrorKind::Deadline => Some(Limit::Time),
        _ => body.is_beyond_decoded.then_some(Limit::Decoded),
    };
    error.reason = body.reason.map(Into::into);
    error.http_status = body.status;
    error.grpc_status = body.grpc_status.filter(|code| (1..=16).contains(code));
    error.code = body.code;
    error.page = body.body.map(|text| {
        Box::new(Page {
            body: text.into(),
            ..Page::default()
        })
    });
    Ok(Some(error))
}

#[cfg(test)]
mod tests {
    use streeling_codec::seldon::proto::Limits;

    use super::*;

    fn json(text: &'static str, encoding: Encoding) -> Result<Bytes, Error> {
        raw_message(ItemKind::Message, text.into(), encoding)
    }

    /// The names of the array in a reply of this kind, shape and body.
    fn names(kind: ItemKind, shape: &[usize], own: &str, body: &[u8]) -> Result<Names, Fault> {
        let item = ItemHeader {
            dtype: u8::from(kind == ItemKind::Numbers) * DType::U8.code(),
            ndim: shape.len() as u8,
            names: own.len() as u32,
            body: body.len() as u64,
            ..ItemHeader::new(kind)
        };
        let mut frame = item.encode().to_vec();
        for &side in shape {
            frame.extend_from_slice(&(side as u64).to_le_bytes());
        }
        frame.extend_from_slice(own.as_bytes());
        frame.extend_from_slice(body);
        match outcome(frame.into(), Encoding::Json)?.unwrap() {
            Outcome::Response(Response {
                message:
                    Message {
                        payload: Payload::Array(array),
                        ..
                    },
                ..
            }) => Ok(array.names),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn columns_without_elements_are_limited() {
        let own = r#"["a"]"#;
        let given: Names = ["a"].into_iter().collect();
        for kind in [ItemKind::Numbers, ItemKind::List] {
            let body = |elements: &[u8]| match kind {
                ItemKind::Numbers => elements.to_vec(),
                _ => serde_json::to_vec(elements).unwrap(),
            };
            let default = |columns| match kind {
                ItemKind::Numbers => Names::Unset,
                _ => Names::Numbered(columns),
            };
            assert_eq!(names(kind, &[1], own, &body(b"x")).unwrap(), Names::new());
            assert_eq!(names(kind, &[1, 1], own, &body(b"x")).unwrap(), given);
            assert_eq!(names(kind, &[1, 2], "", &body(b"xy")).unwrap(), default(2));
            let most = EMPTY_COLUMNS;
            let wide = vec![0; most + 1];
            let found = names(kind, &[1, most + 1], "", &body(&wide));
            assert_eq!(found.unwrap(), default(most + 1));
            assert_eq!(
                names(kind, &[0, most], "", &body(b"")).unwrap(),
                default(most)
            );
            assert_eq!(names(kind, &[0, most + 1], own, &body(b"")).unwrap(), given);
            for columns in [most + 1, 1 << 60] {
                let unnamed = names(kind, &[0, columns], "", &body(b"")).unwrap();
                assert!(unnamed.is_empty());
            }
        }
    }

    #[test]
    fn a_raw_message_of_the_callers_encoding_is_sent_as_it_is() {
        for text in [
            "null",
            "[[1]]",
            r#"{"colour":1}"#,
            r#"{"strData":"a","jsonData":1}"#,
            r#"{"status":"success","meta":{"metrics":[{"type":"ODD"}]}}"#,
        ] {
            assert_eq!(json(text, Encoding::Json).unwrap(), text);
        }
        let body = Bytes::from_static(b"no message at all");
        let same = raw_message(ItemKind::Protobuf, body.clone(), Encoding::Protobuf);
        assert_eq!(same.unwrap(), body);
    }

    #[test]
    fn what_counts_in_a_raw_message_is_what_the_worker_says() {
        let body = Bytes::from_static(b"x");
        let meta = r#"{"metrics":[{"key":"k","type":"GAUGE","value":2}],"status":409}"#;
        let message = uninspected(body.clone(), &meta.into()).unwrap();
        assert_eq!(message.payload, Payload::Opaque(vec![body.clone()]));
        assert_eq!(message.status.unwrap().code, 409);
        assert_eq!(message.meta.metrics.len(), 1);
        let message = uninspected(body.clone(), &Bytes::new()).unwrap();
        assert_eq!((message.status, message.meta), (None, Meta::default()));
        let wrong = uninspected(body, &r#"{"status":"409"}"#.into());
        assert!(matches!(wrong, Err(Fault::Json(_))));
    }

    #[test]
    fn over_grpc_json_must_be_a_message() {
        let message = json(r#"{"strData":"a"}"#, Encoding::Protobuf).unwrap();
        let message = proto::decode_response(&message, Limits::default()).unwrap();
        assert_eq!(message.payload, Payload::Text("a".to_owned()));
        for text in ["null", "[[1]]", "\"a\""] {
            let error = json(text, Encoding::Protobuf).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Component, "{text}");
        }
    }

    #[test]
    fn custom_data_and_protobuf_are_for_grpc_only() {
        let frame = |kind, body: &[u8]| {
            let item = ItemHeader {
                body: body.len() as u64,
                ..ItemHeader::new(kind)
            };
            Bytes::from([&item.encode()[..], body].concat())
        };
        let custom = frame(ItemKind::Custom, b"\x01\0\0\0u");
        let error = outcome(custom.clone(), Encoding::Json).unwrap();
        assert_eq!(error.unwrap_err().kind, ErrorKind::BadData);
        assert!(outcome(custom, Encoding::Protobuf).unwrap().is_ok());
        let message = frame(ItemKind::Protobuf, b"");
        let fault = outcome(message.clone(), Encoding::Json).unwrap_err();
        assert!(matches!(fault, Fault::UnexpectedItem(ItemKind::Protobuf)));
        assert!(outcome(message, Encoding::Protobuf).unwrap().is_ok());
    }

    #[test]
    fn a_custom_item_that_is_cut_off_is_a_fault() {
        for body in [&b""[..], b"\x01\0\0", b"\x02\0\0\0u", b"\xff\xff\xff\xffu"] {
            assert!(matches!(
                custom(Bytes::from_static(body)),
                Err(Fault::Items)
            ));
        }
        assert!(matches!(
            custom(Bytes::from_static(b"\x01\0\0\0\xff")),
            Err(Fault::Utf8)
        ));
    }
}
