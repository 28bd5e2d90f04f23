//! Answers: their headers, and the body that an error has.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CONTENT_TYPE, RETRY_AFTER, VARY,
};
use http::{HeaderValue, StatusCode};
use streeling_codec::json;
use streeling_core::Error;

use crate::routes::Verbs;
use crate::status;

/// An answer whose body is in memory.
pub(crate) type Reply = http::Response<Bytes>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What a browser may try on any route from another origin. The incumbent's list; a method that
/// a route lacks is answered by 405 all the same, from any origin.
const CROSS_ORIGIN_METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, JSON, body.into())
}

pub(crate) fn pong() -> Reply {
    reply(StatusCode::OK, HTML, Bytes::from_static(b"pong"))
}

pub(crate) fn error(error: &Error) -> Reply {
    let mut reply = json(status::of_error(error), error_body(error));
    if let Some(seconds) = status::meaning(error.kind).retry_after {
        reply
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// No such route.
pub(crate) fn not_found(path: &str) -> Reply {
    let body = body(
        -1,
        &format!("no route {path}, see /seldon.json for those there are"),
        "MICROSERVICE_NOT_FOUND",
    );
    json(StatusCode::NOT_FOUND, body)
}

/// A route, and not for this HTTP method.
pub(crate) fn not_allowed(verb: &http::Method, path: &str, verbs: Verbs) -> Reply {
    let body = body(
        -1,
        &format!("{verb} is not for {path}, allowed are {}", verbs.header()),
        "MICROSERVICE_METHOD_NOT_ALLOWED",
    );
    let mut reply = json(StatusCode::METHOD_NOT_ALLOWED, body);
    allow(&mut reply, verbs);
    reply
}

/// What a browser asks before a cross-origin request.
#[derive(Debug, Default)]
pub(crate) struct Preflight {
    /// Whether it asks at all: it then names a method.
    pub(crate) asked: bool,
    /// The headers that it wants to send.
    pub(crate) headers: Option<String>,
}

/// The answer to OPTIONS.
pub(crate) fn options(verbs: Verbs, preflight: &Preflight) -> Reply {
    let mut reply = reply(StatusCode::OK, HTML, Bytes::new());
    allow(&mut reply, verbs);
    if !preflight.asked {
        return reply;
    }
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, CROSS_ORIGIN_METHODS);
    headers.insert(
        VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
    let wanted = preflight.headers.as_deref().map(sorted);
    if let Some(wanted) = wanted.and_then(|wanted| HeaderValue::from_str(&wanted).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    reply
}

fn sorted(list: &str) -> String {
    let mut items: Vec<_> = list.split(',').map(str::trim).collect();
    items.sort_unstable();
    items.join(", ")
}

fn allow(reply: &mut Reply, verbs: Verbs) {
    reply
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(verbs.header()));
}

fn reply(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

fn error_body(error: &Error) -> Vec<u8> {
    body(error.code, &error.info, error.reason())
}

fn body(code: i32, info: &str, reason: &str) -> Vec<u8> {
    let mut body = br#"{"status":{"status":1,"info":"#.to_vec();
    json::encode_string(info, &mut body);
    body.extend_from_slice(br#","code":"#);
    body.extend_from_slice(code.to_string().as_bytes());
    body.extend_from_slice(br#","reason":"#);
    json::encode_string(reason, &mut body);
    body.extend_from_slice(b"}}");
    body
}
