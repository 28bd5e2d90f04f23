//! Seldon Core's protocol over HTTP: the routes, bodies, statuses and errors of `SeldonMessage`.

mod decode;
mod form;
mod health_only;
mod multipart;
mod openapi;
mod pages;
mod routes;
mod status;

use bytes::Bytes;
use http::StatusCode;
use streeling_codec::json::encode_string;
use streeling_codec::seldon::{ERROR_CODE, json, reason};
use streeling_core::{Error, Input, Message, Meter, Method, Payload, RawMessage, Response, Result};

use crate::depth;
use crate::protocol::{Action, Decoded, Form, Params, Problem, Protocol, Route, Undecoded};
use crate::reply::{self, Reply};

use form::ContentType;
use pages::PING;

pub use health_only::HealthOnly;
pub(crate) use multipart::document as multipart_document;
pub use pages::Identity;

/// How often its length a multipart body takes: its parts, what they stand for, and the document.
const PARTS: usize = 4;

/// Seldon Core's protocol.
#[derive(Clone, Debug)]
pub struct Seldon {
    passthrough: bool,
    description: Bytes,
    max_parts: usize,
    max_depth: usize,
}

/// From the parts of a request to what a method is called on, for the fuzz targets.
pub(crate) fn input_of(
    method: Method,
    content_type: &str,
    query: Option<&str>,
    body: Bytes,
) -> Result<Input> {
    let content_type = ContentType::parse(content_type);
    let document = form::document(Some(&content_type), query, body, usize::MAX)?;
    decode::input(method, &document, &Meter::unlimited())
}

impl Seldon {
    /// The protocol, where `/seldon.json` describes the server as `identity` says. With
    /// `passthrough` the bodies of predictions go to the component unread, and its bytes to the
    /// client.
    #[must_use]
    pub fn new(identity: &Identity, passthrough: bool) -> Self {
        Self {
            passthrough,
            description: Bytes::from(openapi::document(identity)),
            max_parts: multipart::MAX_PARTS,
            max_depth: depth::MOST,
        }
    }

    /// Takes at most so many parts of a multipart body, or fields of a form, in place of 1,000.
    #[must_use]
    pub fn with_max_parts(mut self, parts: usize) -> Self {
        self.max_parts = parts;
        self
    }

    /// Takes JSON of at most so many lists and objects in each other, in place of 512, which are
    /// the most.
    #[must_use]
    pub fn with_max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// The JSON that a request brings, in whatever way.
    fn document(&self, undecoded: Undecoded<'_>) -> Result<Bytes> {
        let content_type = ContentType::of(undecoded.headers);
        let copies = match content_type {
            Some(ContentType::Multipart(_)) => PARTS,
            Some(ContentType::Form) => 1,
            _ => 0,
        };
        let (query, body) = (undecoded.query, undecoded.body);
        undecoded.memory.take(copies * body.len())?;
        let document = form::document(content_type.as_ref(), query, body, self.max_parts)?;
        depth::check(&document, self.max_depth)?;
        Ok(document)
    }
}

impl Default for Seldon {
    fn default() -> Self {
        Self::new(&Identity::default(), false)
    }
}

impl Protocol for Seldon {
    fn routes(&self) -> &'static [Route] {
        &routes::ROUTES
    }

    fn page(&self, page: &'static str, _params: &Params, _is_ready: bool) -> Reply {
        match page {
            PING => reply::html(Bytes::from_static(b"pong")),
            _ => reply::json(StatusCode::OK, self.description.clone()),
        }
    }

    fn is_probe(&self, route: &Route) -> bool {
        matches!(
            route.action,
            Action::Call(Method::HealthStatus) | Action::Page(PING)
        )
    }

    fn passes_through(&self, method: Method) -> bool {
        self.passthrough && method == Method::Predict
    }

    fn raw_message(&self, undecoded: Undecoded<'_>) -> Result<Option<(RawMessage, Input)>> {
        let method = undecoded.method;
        if method == Method::SendFeedback {
            // It is protobuf to such components, whatever it came as, and its reward counts.
            let memory = undecoded.memory;
            let message = decode::any(&self.document(undecoded)?)?;
            let input = decode::input(method, &message, memory)?;
            return Ok(Some((RawMessage::given(message), input)));
        }
        let message = match ContentType::of(undecoded.headers) {
            Some(ContentType::Multipart(boundary)) => {
                undecoded.memory.take(PARTS * undecoded.body.len())?;
                multipart::raw_message(boundary.as_deref(), undecoded.body, self.max_parts)?
            }
            _ => RawMessage::given(decode::any(&self.document(undecoded)?)?),
        };
        Ok(Some((message, Input::Raw)))
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        let (method, memory) = (undecoded.method, undecoded.memory);
        let input = decode::input(method, &self.document(undecoded)?, memory)?;
        Ok(input.into())
    }

    fn encoded_size(&self, response: &Response) -> usize {
        // A float64 without a short form has 17 digits; most have fewer.
        const PER_NUMBER: usize = 12;
        let payload = &response.message.payload;
        match payload {
            // One piece is the rule, and goes out from where it lies.
            Payload::Opaque(pieces) if pieces.len() == 1 => 0,
            // Base64 makes four bytes of three.
            Payload::Bytes(_) => payload.size(PER_NUMBER) / 3 * 4,
            _ => payload.size(PER_NUMBER),
        }
    }

    fn encode(
        &self,
        method: Method,
        mut response: Response,
        size: usize,
        _form: Form,
    ) -> Result<Reply> {
        let message = &mut response.message;
        // Metadata is the whole body, not the payload of a message.
        if let (Method::Metadata, Payload::Json(metadata)) = (method, &message.payload) {
            return Ok(reply::json(StatusCode::OK, metadata.bytes().clone()));
        }
        let status = status::of_message(message)?;
        Ok(reply::json(status, body(method, message, size)))
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        match problem {
            Problem::NotFound(path) => failure(
                StatusCode::NOT_FOUND,
                &format!("no route {path}, see /seldon.json for those there are"),
                "MICROSERVICE_NOT_FOUND",
            ),
            Problem::NotAllowed {
                verb,
                path,
                allowed,
            } => failure(
                StatusCode::METHOD_NOT_ALLOWED,
                &format!("{verb} is not for {path}, allowed are {}", allowed.header()),
                "MICROSERVICE_METHOD_NOT_ALLOWED",
            ),
            Problem::Error(error) => reply::json(status::of_error(error), error_body(error)),
        }
    }
}

fn body(method: Method, message: &mut Message, size: usize) -> Bytes {
    if let Payload::Opaque(pieces) = &mut message.payload
        && pieces.len() == 1
    {
        return pieces.swap_remove(0);
    }
    let mut body = Vec::with_capacity(size);
    // As on seldon-core, where feedback and its response are protobuf over REST too.
    if method == Method::SendFeedback {
        json::encode_in_protobuf_form(message, &mut body);
    } else {
        json::encode_message(message, &mut body);
    }
    body.into()
}

fn failure(status: StatusCode, info: &str, reason: &str) -> Reply {
    reply::json(status, status_body(ERROR_CODE, info, reason))
}

fn error_body(error: &Error) -> Vec<u8> {
    let reason = error.reason.as_deref().unwrap_or(reason(error.kind));
    status_body(error.code.unwrap_or(ERROR_CODE), &error.info, reason)
}

fn status_body(code: i32, info: &str, reason: &str) -> Vec<u8> {
    let mut body = br#"{"status":{"status":1,"info":"#.to_vec();
    encode_string(info, &mut body);
    body.extend_from_slice(br#","code":"#);
    body.extend_from_slice(code.to_string().as_bytes());
    body.extend_from_slice(br#","reason":"#);
    encode_string(reason, &mut body);
    body.extend_from_slice(b"}}");
    body
}
