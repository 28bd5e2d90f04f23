//! Responses: their headers and bodies.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use streeling_net::{Elsewhere, Offload};

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
pub type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + Sync>>;

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

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(pieces) => {
                let piece = pieces.as_mut().poll_next(context);
                piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, |length| {
            SizeHint::with_exact(length as u64)
        })
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

/// The headers of JSON, which nearly all responses are: a copy costs less than putting them
/// together.
static JSON: LazyLock<HeaderMap> =
    LazyLock::new(|| headers(HeaderValue::from_static("application/json")));

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A response of JSON.
#[must_use]
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, JSON.clone(), Body::Whole(body.into()))
}

/// A response of HTML.
#[must_use]
pub fn html(body: impl Into<Bytes>) -> Reply {
    reply(StatusCode::OK, headers(HTML), Body::Whole(body.into()))
}

/// A response whose body comes in pieces.
#[must_use]
pub fn stream(content_type: &'static str, pieces: Pieces) -> Reply {
    let headers = headers(HeaderValue::from_static(content_type));
    reply(StatusCode::OK, headers, Body::Stream(pieces))
}

/// Has the body of a reply dropped on another thread if it is large.
pub(crate) fn freed_elsewhere(reply: Reply) -> Reply {
    match reply.body() {
        Body::Whole(bytes) if Offload::moves(bytes.len()) => reply.map(|body| match body {
            Body::Whole(bytes) => Body::Whole(Bytes::from_owner(Elsewhere::new(bytes))),
            stream @ Body::Stream(_) => stream,
        }),
        _ => reply,
    }
}

fn headers(content_type: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers
}

fn reply(status: StatusCode, headers: HeaderMap, body: Body) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}
