//! Responses: their headers and bodies.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_TYPE,
    RETRY_AFTER, VARY,
};
use http::{HeaderValue, StatusCode};
use streeling_core::ErrorKind;

use crate::head::Head;
use crate::protocol::{Problem, Protocol, Verbs};

/// A response.
pub type Reply = http::Response<Body>;

/// The body of a response.
pub enum Body {
    /// It is all there.
    Whole(Bytes),
    /// It comes in pieces; an error cuts the connection.
    Stream(Pieces),
}

/// The pieces of a body that streams.
pub type Pieces = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send + Sync>>;

impl Body {
    /// Its length, where that is known beforehand.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Whole(bytes) => Some(bytes.len()),
            Self::Stream(_) => None,
        }
    }

    /// Whether it is known to be empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream(_) => f.write_str("a stream"),
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What a browser may try on any route from another origin: seldon-core's list. A method that a
/// route lacks gets a 405 all the same, from any origin.
const CROSS_ORIGIN_METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// Seconds after which a client that was refused for want of room may try again.
const QUEUE_RETRY_AFTER: u32 = 1;

/// A response of JSON.
#[must_use]
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    whole(status, JSON, body.into())
}

/// A response of HTML.
#[must_use]
pub fn html(body: impl Into<Bytes>) -> Reply {
    whole(StatusCode::OK, HTML, body.into())
}

/// A response whose body comes in pieces.
#[must_use]
pub fn stream(content_type: &'static str, pieces: Pieces) -> Reply {
    let content_type = HeaderValue::from_static(content_type);
    reply(StatusCode::OK, content_type, Body::Stream(pieces))
}

/// A failure in the protocol's words, with the headers that it has in any protocol.
pub(crate) fn problem(protocol: &dyn Protocol, problem: Problem<'_>) -> Reply {
    let mut reply = protocol.problem(problem);
    match problem {
        Problem::NotAllowed { allowed, .. } => allow(&mut reply, allowed),
        Problem::Error(error) if error.kind == ErrorKind::QueueFull => {
            let seconds = HeaderValue::from(QUEUE_RETRY_AFTER);
            reply.headers_mut().insert(RETRY_AFTER, seconds);
        }
        Problem::NotFound(_) | Problem::Error(_) => {}
    }
    reply
}

/// The response to OPTIONS, and to what a browser wants to know before a cross-origin request.
pub(crate) fn options(verbs: Verbs, head: &Head) -> Reply {
    let mut reply = html(Bytes::new());
    allow(&mut reply, verbs);
    if !head.has(&ACCESS_CONTROL_REQUEST_METHOD) {
        return reply;
    }
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, CROSS_ORIGIN_METHODS);
    headers.insert(
        VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
    let requested = head.text(&ACCESS_CONTROL_REQUEST_HEADERS).map(sorted);
    if let Some(allowed) = requested.and_then(|names| HeaderValue::from_str(&names).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
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

fn whole(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    reply(status, content_type, Body::Whole(body))
}

fn reply(status: StatusCode, content_type: HeaderValue, body: Body) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method as Verb;

    #[test]
    fn header_lists_exactly_what_is_allowed() {
        for verbs in [Verbs::Get, Verbs::Post, Verbs::GetPost] {
            let listed: Vec<_> = verbs.header().split(", ").collect();
            for verb in [Verb::GET, Verb::HEAD, Verb::POST, Verb::PUT, Verb::DELETE] {
                assert_eq!(
                    listed.contains(&verb.as_str()),
                    verbs.allow(&verb),
                    "{verbs:?} {verb}"
                );
            }
        }
    }
}
