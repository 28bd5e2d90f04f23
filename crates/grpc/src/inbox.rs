//! The messages of a request that is a stream, one after the other.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::Incoming;
use streeling_codec::compression::Coding;
use streeling_core::{Charge, REQUEST};
use streeling_net::{Drain, Offload};
use tokio::time::sleep;
use tonic::Status;

use crate::failure::Failure;
use crate::frame::{PREFIX, prefix};
use crate::request::{Limits, RESERVED_AT_MOST, bad, coding};

/// How long a stream goes on when the server ends, so that what its client has sent before it could
/// know gets a response.
const LAST_MESSAGES: Duration = Duration::from_millis(200);

/// The messages that a client sends. No more is read than the one that is taken, so that a client
/// which is faster than the model has to wait.
pub(crate) struct Inbox {
    body: Incoming,
    coding: Option<Coding>,
    /// What has come of the next message, at most one piece.
    rest: Bytes,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Inbox {
    pub(crate) fn new(
        headers: &HeaderMap,
        body: Incoming,
        mut drain: Drain,
    ) -> Result<Self, Status> {
        Ok(Self {
            body,
            coding: coding(headers)?,
            rest: Bytes::new(),
            end: Box::pin(async move {
                drain.started().await;
                sleep(LAST_MESSAGES).await;
            }),
        })
    }

    /// The next message, which is charged; none at the end of the stream.
    pub(crate) async fn next(
        &mut self,
        limits: Limits,
        offload: &Offload,
        charge: &mut Charge,
    ) -> Result<Option<Bytes>, Failure> {
        if self.rest.is_empty() {
            match self.first(limits).await? {
                Some(piece) => self.rest = piece,
                None => return Ok(None),
            }
        }
        charge.grow(REQUEST)?;
        let (flag, framed) = self.framed(limits, charge).await?;
        let message = limits.message(flag, framed, self.coding, offload, charge);
        message.await.map(Some)
    }

    /// Waits for the first piece of a message: as long as a client may pause, or until the server
    /// ends.
    async fn first(&mut self, limits: Limits) -> Result<Option<Bytes>, Failure> {
        let Self { body, end, .. } = self;
        let mut until = None;
        tokio::select! {
            biased;
            () = end => Err(Status::unavailable("the server ends").into()),
            piece = limits.piece(body, &mut until) => piece,
        }
    }

    /// A whole frame; what is behind it stays here.
    async fn framed(
        &mut self,
        limits: Limits,
        charge: &mut Charge,
    ) -> Result<(u8, Bytes), Failure> {
        let first = std::mem::take(&mut self.rest);
        let mut more = BytesMut::new();
        let mut until = None;
        let mut found = None;
        loop {
            let so_far = if more.is_empty() { &*first } else { &*more };
            if found.is_none()
                && let Some((flag, claimed)) = prefix(so_far)
            {
                if claimed > limits.size {
                    return Err(limits.too_large().into());
                }
                charge.grow(PREFIX + claimed)?;
                found = Some((flag, PREFIX + claimed));
            }
            if let Some((flag, size)) = found
                && so_far.len() >= size
            {
                return Ok((flag, self.split(first, more, size)));
            }
            let Some(piece) = limits.piece(&mut self.body, &mut until).await? else {
                return Err(bad("the message is shorter than its prefix says").into());
            };
            let size = found.map_or(0, |(_, size)| size);
            if more.is_empty() {
                more.reserve(size.min(RESERVED_AT_MOST));
                more.extend_from_slice(&first);
            }
            let needed = more.len() + piece.len();
            if needed > more.capacity() && needed <= size {
                more.reserve(size - more.len());
            }
            more.extend_from_slice(&piece);
        }
    }

    /// The first bytes, which are a frame; the others are kept, without the memory of the frame.
    fn split(&mut self, mut first: Bytes, more: BytesMut, size: usize) -> Bytes {
        if more.is_empty() {
            let framed = first.split_to(size);
            self.rest = first;
            return framed;
        }
        let mut all = more.freeze();
        self.rest = Bytes::copy_from_slice(&all[size..]);
        all.truncate(size);
        all
    }
}
