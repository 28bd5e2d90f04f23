//! Notices a client that does not read its responses.
//!
//! A response that is not read stays in memory, and HTTP/2 lets a client have many of them at once.
//! So a connection that has responses to send, none of which moves for a while, is cut. What is
//! seen are pieces of 64 KiB that the connection takes: the last one of a response is out of sight,
//! and one response that moves speaks for the others. A response that waits for its next message is
//! not the client's fault.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use streeling_core::RequestContext;
use streeling_net::{Activity, Busy};
use tokio::time::sleep;
use tonic::Status;

/// Bytes of a response that are handed to the connection at a time, so that it can be seen to move.
const PIECE: usize = 64 * 1024;

/// Messages that come one after the other, each in its frame; an error is the last one.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// What one connection still has to send.
#[derive(Clone, Debug)]
pub(crate) struct Unsent {
    counts: Arc<Counts>,
    activity: Activity,
}

#[derive(Debug, Default)]
struct Counts {
    /// Responses of which the connection has not taken all that there is.
    waiting: AtomicUsize,
    /// Pieces of responses that the connection has taken: the first at once, each other when the
    /// one before it can be sent.
    taken: AtomicU64,
}

impl Unsent {
    /// Of a connection that is not idle while there are responses to send.
    pub(crate) fn new(activity: Activity) -> Self {
        Self {
            counts: Arc::default(),
            activity,
        }
    }

    /// The body of a response of one message, counted here until it has been sent or dropped.
    pub(crate) fn message(
        &self,
        message: Bytes,
        request: Option<Arc<RequestContext>>,
    ) -> ResponseBody {
        self.body(message, None, request)
    }

    /// The body of a response of many messages, counted here while there is something to send.
    pub(crate) fn stream(
        &self,
        messages: Messages,
        request: Option<Arc<RequestContext>>,
    ) -> ResponseBody {
        self.body(Bytes::new(), Some(messages), request)
    }

    /// The body of a response that something else makes, counted here in the same way.
    pub(crate) fn counted<B>(&self, body: B) -> Counted<B> {
        Counted {
            body,
            turn: self.turn(),
        }
    }

    fn turn(&self) -> Turn {
        Turn {
            counts: Arc::clone(&self.counts),
            is_connections: false,
            _busy: self.activity.request(),
        }
    }

    fn body(
        &self,
        message: Bytes,
        more: Option<Messages>,
        request: Option<Arc<RequestContext>>,
    ) -> ResponseBody {
        let mut body = ResponseBody {
            message,
            more,
            trailers: Some(HeaderMap::from_iter([(
                HeaderName::from_static("grpc-status"),
                HeaderValue::from_static("0"),
            )])),
            turn: self.turn(),
            _request: request,
        };
        body.turn.set(true);
        body
    }

    /// Returns when responses have been waiting for `limit` and none of them moved.
    pub(crate) async fn idle(&self, limit: Duration) {
        let mut before = None;
        loop {
            sleep(limit).await;
            let waiting = self.counts.waiting.load(Ordering::Relaxed) > 0;
            let now = waiting.then(|| self.counts.taken.load(Ordering::Relaxed));
            if now.is_some() && now == before {
                return;
            }
            before = now;
        }
    }
}

/// The body of a response.
pub(crate) struct ResponseBody {
    /// What is left of the message that is being sent.
    message: Bytes,
    /// The messages after it.
    more: Option<Messages>,
    trailers: Option<HeaderMap>,
    turn: Turn,
    /// What it takes is charged until it has been sent.
    _request: Option<Arc<RequestContext>>,
}

/// Whose turn it is with a response: the connection's, which has something to send, or that of who
/// makes the response.
struct Turn {
    counts: Arc<Counts>,
    is_connections: bool,
    _busy: Busy,
}

impl Turn {
    /// The connection takes a piece.
    fn take(&mut self) {
        self.set(true);
        self.counts.taken.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&mut self, is_connections: bool) {
        if self.is_connections == is_connections {
            return;
        }
        self.is_connections = is_connections;
        let waiting = &self.counts.waiting;
        if is_connections {
            waiting.fetch_add(1, Ordering::Relaxed);
        } else {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl ResponseBody {
    /// Gets the next message, if there is one.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(more) = &mut self.more else {
            return Poll::Ready(());
        };
        match ready!(more.as_mut().poll_next(context)) {
            Some(Ok(message)) => self.message = message,
            Some(Err(status)) => {
                self.more = None;
                self.trailers = Some(trailers(&status));
            }
            None => self.more = None,
        }
        Poll::Ready(())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.message.is_empty() && self.poll_message(context).is_pending() {
            self.turn.set(false);
            return Poll::Pending;
        }
        self.turn.take();
        let frame = if self.message.is_empty() {
            self.trailers.take().map(Frame::trailers)
        } else {
            let end = self.message.len().min(PIECE);
            Some(Frame::data(self.message.split_to(end)))
        };
        Poll::Ready(frame.map(Ok))
    }

    /// The length as the least that comes: as the exact one it would become a header, which gRPC
    /// does not have.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.message.len() as u64);
        hint
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_empty() && self.more.is_none() && self.trailers.is_none()
    }
}

/// The body of a response that something else makes.
pub(crate) struct Counted<B> {
    body: B,
    turn: Turn,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() {
            self.turn.set(false);
        } else {
            self.turn.take();
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A status at the end of messages.
fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status
        .add_header(&mut trailers)
        .expect("texts are percent-encoded, and details are base64");
    trailers
}
