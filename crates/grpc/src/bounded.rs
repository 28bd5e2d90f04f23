//! Requests for the standard services: how long they may be open, and that they end with the
//! server.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use streeling_net::Drain;
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

/// How long a request may still go on when the server ends, so that what its client has sent before
/// it could know gets a response.
const LAST_MESSAGES: Duration = Duration::from_millis(200);

/// The body of a request, which a pause of its client or the end of the server ends.
///
/// Reflection responds to messages for as long as they come, and its clients may keep a request
/// open without sending any.
pub(crate) struct Bounded {
    body: Incoming,
    idle: Duration,
    pause: Pin<Box<Sleep>>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
}

impl Bounded {
    pub(crate) fn new(body: Incoming, idle: Duration, mut drain: Drain) -> Self {
        Self {
            body,
            idle,
            pause: Box::pin(sleep(idle)),
            end: Box::pin(async move {
                drain.started().await;
                sleep(LAST_MESSAGES).await;
            }),
            has_ended: false,
        }
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended || self.end.as_mut().poll(context).is_ready() {
            self.has_ended = true;
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now().checked_add(self.idle);
            if let Some(next) = next {
                self.pause.as_mut().reset(next);
            }
            let broke_off = |_| Status::cancelled("the request broke off");
            return Poll::Ready(frame.map(|frame| frame.map_err(broke_off)));
        }
        if self.pause.as_mut().poll(context).is_ready() {
            self.has_ended = true;
            let status = Status::deadline_exceeded(format!(
                "nothing more of the request came for {:?}",
                self.idle
            ));
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
