//! Taking a request's one message in, within its limits.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use streeling_codec::compression::{Coding, UnpackError, unpack};
use streeling_core::{Charge, Error, ErrorKind, Limit, REQUEST, Use};
use streeling_net::Offload;
use tokio::time::{Instant, timeout};
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::failure::Failure;
use crate::frame::{PREFIX, prefix};

/// Bytes that are reserved for a message by its claim alone; more only for what has come.
pub(crate) const RESERVED_AT_MOST: usize = 1 << 20;

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes at most, uncompressed.
    pub(crate) size: usize,
    /// Time at most between two pieces.
    pub(crate) idle: Duration,
    /// Time at most from the first wait for a piece to the end.
    pub(crate) time: Duration,
}

impl Limits {
    /// Reads the message, and that there is no second one.
    pub(crate) async fn read(
        self,
        headers: &HeaderMap,
        body: Incoming,
        offload: &Offload,
        charge: &mut Charge,
    ) -> Result<Bytes, Failure> {
        let coding = coding(headers)?;
        let framed = self.collect(body, charge).await?;
        let Some((flag, length)) = prefix(&framed) else {
            return Err(bad("the request has no message").into());
        };
        if framed.len() < PREFIX + length {
            return Err(bad("the message is shorter than its prefix says").into());
        }
        self.message(flag, framed, coding, offload, charge).await
    }

    /// The message in a frame, which is charged.
    pub(crate) async fn message(
        self,
        flag: u8,
        mut framed: Bytes,
        coding: Option<Coding>,
        offload: &Offload,
        charge: &mut Charge,
    ) -> Result<Bytes, Failure> {
        match (flag, coding) {
            (0, _) => {
                framed.advance(PREFIX);
                Ok(charge.hold_beyond(REQUEST, framed))
            }
            (1, Some(coding)) => {
                // Little can become much, so it is not done where bytes are moved.
                let memory = charge.account().charge(Use::Received, charge.bytes());
                let unpack = move || self.unpacked(&framed[PREFIX..], coding, memory);
                let message = offload.run(self.size, unpack).await?;
                charge.shrink(REQUEST);
                Ok(message)
            }
            (1, None) => {
                let text = "the message is compressed, and no grpc-encoding says how";
                Err(bad(text).into())
            }
            _ => Err(bad("the message's prefix starts neither with 0 nor with 1").into()),
        }
    }

    /// Everything that the client sends, which is charged as soon as the prefix says how much it
    /// will be. One piece is not copied; up to 1 MiB memory is reserved by the claim alone, the
    /// rest of it when so much has come.
    async fn collect(self, mut body: Incoming, charge: &mut Charge) -> Result<Bytes, Failure> {
        charge.grow(REQUEST)?;
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        let mut framed = None;
        let mut until = None;
        while let Some(piece) = self.piece(&mut body, &mut until).await? {
            if first.is_empty() {
                first = piece;
            } else {
                if rest.is_empty() {
                    rest.reserve(framed.unwrap_or(0).min(RESERVED_AT_MOST));
                    rest.extend_from_slice(&first);
                }
                let size = rest.len() + piece.len();
                if let Some(framed) = framed
                    && size > rest.capacity()
                    && size <= framed
                {
                    rest.reserve(framed - rest.len());
                }
                rest.extend_from_slice(&piece);
            }
            let so_far = if rest.is_empty() { &*first } else { &*rest };
            if framed.is_none()
                && let Some((_, claimed)) = prefix(so_far)
            {
                if claimed > self.size {
                    return Err(self.too_large().into());
                }
                charge.grow(PREFIX + claimed)?;
                framed = Some(PREFIX + claimed);
            }
            if framed.is_some_and(|framed| so_far.len() > framed) {
                return Err(bad("the request has more than one message, allowed is one").into());
            }
        }
        Ok(if rest.is_empty() {
            first
        } else {
            rest.freeze()
        })
    }

    /// The next piece of a body; none at its end. `until` is when it must have come whole, which
    /// is found out by the first wait.
    pub(crate) async fn piece(
        self,
        body: &mut Incoming,
        until: &mut Option<Instant>,
    ) -> Result<Option<Bytes>, Failure> {
        loop {
            // What is there already needs no timer.
            let frame = match body.frame().now_or_never() {
                Some(frame) => frame,
                None => {
                    let now = Instant::now();
                    let left = until.get_or_insert(now + self.time).duration_since(now);
                    let next = timeout(self.idle.min(left), body.frame());
                    next.await.map_err(|_| self.late(left))?
                }
            };
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Ok(Some(data)),
                    // Trailers: requests have none that matter.
                    Err(_) => {}
                },
                Some(Err(_)) => return Err(Status::cancelled("the request broke off").into()),
            }
        }
    }

    /// The failure of a request of which nothing more came, with so much of its time left before.
    fn late(self, left: Duration) -> Failure {
        let Self { idle, time, .. } = self;
        let (text, limit) = if left <= idle {
            let setting = "--body-timeout, STREELING_BODY_TIMEOUT";
            let text = format!("the request did not come within {time:?} ({setting})");
            (text, Limit::BodyTime)
        } else {
            let setting = "--idle-timeout, STREELING_IDLE_TIMEOUT";
            let text = format!("nothing more of the request came for {idle:?} ({setting})");
            (text, Limit::BodyPause)
        };
        Failure::Status(Status::deadline_exceeded(text), Some(limit))
    }

    /// The message that packed bytes are. What it becomes is charged as it grows.
    pub(crate) fn unpacked(
        self,
        packed: &[u8],
        coding: Coding,
        charge: Charge,
    ) -> Result<Bytes, Error> {
        unpack(packed, coding, self.size, charge).map_err(|error| match error {
            UnpackError::TooLarge => self.too_large(),
            UnpackError::Corrupt(error) => bad(&format!(
                "the message cannot be unpacked by {coding}: {error}"
            )),
            UnpackError::Memory(error) => error,
        })
    }

    pub(crate) fn too_large(self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the message is too large, allowed are {} bytes (--max-body-size, \
                 seldon.io/grpc-max-message-size)",
                self.size
            ),
        )
        .beyond(Limit::Body)
    }
}

pub(crate) fn bad(text: &str) -> Error {
    Error::new(ErrorKind::BadData, text)
}

/// How the message is compressed, if it says so.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Status> {
    let Some(value) = headers.get("grpc-encoding") else {
        return Ok(None);
    };
    match value.as_bytes() {
        b"identity" => Ok(None),
        other => Coding::named(other).map(Some).ok_or_else(|| {
            let mut status = Status::unimplemented(format!(
                "the message is compressed with {:?}, allowed are gzip, deflate, zstd and identity",
                String::from_utf8_lossy(other)
            ));
            let accepted = MetadataValue::from_static("gzip,deflate,zstd,identity");
            status
                .metadata_mut()
                .insert("grpc-accept-encoding", accepted);
            status
        }),
    }
}
