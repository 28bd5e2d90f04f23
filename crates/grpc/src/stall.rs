//! Notices a client that does not read its answers.
//!
//! An answer that nobody reads stays in memory, and HTTP/2 lets a client have many of them at once. So a
//! connection that has answers to send, of which not one gets on for a while, is cut. What is seen are pieces of
//! 64 KiB that the connection takes: the last one of an answer is out of sight, and one answer that gets
//! on speaks for the others.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::sleep;

/// Bytes of an answer that are handed to the connection at a time, so that it can be seen to get on.
const PIECE: usize = 64 * 1024;

/// What one connection still has to send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsent(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Answers that the connection has not taken whole.
    waiting: AtomicUsize,
    /// Pieces of answers that the connection has taken: the first at once, each other when the one before it
    /// can be sent.
    taken: AtomicU64,
}

impl Unsent {
    /// An answer's message with its trailers, counted here until it has been sent or dropped.
    pub(crate) fn answer(&self, message: Bytes) -> Answer {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Answer {
            message,
            trailers: Some(HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-status"),
                http::HeaderValue::from_static("0"),
            )])),
            unsent: self.clone(),
        }
    }

    /// Returns when answers have been waiting for `limit` and none of them got on.
    pub(crate) async fn stalled(&self, limit: Duration) {
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

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    message: Bytes,
    trailers: Option<HeaderMap>,
    unsent: Unsent,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.unsent.0.taken.fetch_add(1, Ordering::Relaxed);
        let frame = if self.message.is_empty() {
            self.trailers.take().map(Frame::trailers)
        } else {
            let end = self.message.len().min(PIECE);
            Some(Frame::data(self.message.split_to(end)))
        };
        Poll::Ready(frame.map(Ok))
    }

    /// The length as the least that comes: as the exact one it would become a header, which gRPC does not have.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.message.len() as u64);
        hint
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_empty() && self.trailers.is_none()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.unsent.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
