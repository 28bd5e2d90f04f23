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
use tokio::time::sleep;
use tonic::Status;

/// Bytes of a response that are handed to the connection at a time, so that it can be seen to move.
const PIECE: usize = 64 * 1024;

/// Messages that come one after the other, each in its frame; an error is the last one.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// What one connection still has to send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsent(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Responses of which the connection has not taken all that there is.
    waiting: AtomicUsize,
    /// Pieces of responses that the connection has taken: the first at once, each other when the
    /// one before it can be sent.
    taken: AtomicU64,
}

impl Unsent {
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
            unsent: self.clone(),
            is_waiting: false,
            _request: request,
        };
        body.set_waiting(true);
        body
    }

    /// Returns when responses have been waiting for `limit` and none of them moved.
    pub(crate) async fn idle(&self, limit: Duration) {
        let mut before = None;
        loop {
            sleep(limit).await;
            let waiting = self.0.waiting.load(Ordering::Relaxed) > 0;
            let now = waiting.then(|| self.0.taken.load(Ordering::Relaxed));
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
    unsent: Unsent,
    is_waiting: bool,
    /// What it takes is charged until it has been sent.
    _request: Option<Arc<RequestContext>>,
}

impl ResponseBody {
    /// Says whether it is the connection's turn.
    fn set_waiting(&mut self, is_waiting: bool) {
        if self.is_waiting == is_waiting {
            return;
        }
        self.is_waiting = is_waiting;
        let waiting = &self.unsent.0.waiting;
        if is_waiting {
            waiting.fetch_add(1, Ordering::Relaxed);
        } else {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

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
            self.set_waiting(false);
            return Poll::Pending;
        }
        self.set_waiting(true);
        self.unsent.0.taken.fetch_add(1, Ordering::Relaxed);
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

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.set_waiting(false);
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
