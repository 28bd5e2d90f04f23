//! Taking a request's one message in, within its limits.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use streeling_core::{Error, ErrorKind};
use streeling_net::Offload;
use tokio::time::timeout;
use tonic::codec::{CompressionEncoding, DecodeBuf, Decoder, Streaming};
use tonic::{Code, Status};

use crate::failure::Failure;
use crate::frame::{PREFIX, prefix};

/// Bytes that are reserved for a message by its claim alone; more only for what has come.
const RESERVED_AT_MOST: usize = 1 << 20;

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes at most, uncompressed.
    pub(crate) size: usize,
    /// Time at most between two pieces.
    pub(crate) idle: Duration,
}

impl Limits {
    /// Reads the message, and that there is no second one.
    pub(crate) async fn read(
        self,
        headers: &HeaderMap,
        body: Incoming,
        offload: &Offload,
    ) -> Result<Bytes, Failure> {
        let encoding = encoding(headers)?;
        let mut framed = self.collect(body).await?;
        let Some((flag, length)) = prefix(&framed) else {
            return Err(bad("the request has no message").into());
        };
        match framed.len().cmp(&(PREFIX + length)) {
            std::cmp::Ordering::Less => {
                return Err(bad("the message is shorter than its prefix says").into());
            }
            std::cmp::Ordering::Greater => {
                return Err(bad("the request has more than one message, allowed is one").into());
            }
            std::cmp::Ordering::Equal => {}
        }
        match (flag, encoding) {
            (0, _) => {
                framed.advance(PREFIX);
                Ok(framed)
            }
            (1, Some(encoding)) => {
                // Little can become much, so it is not done where bytes are moved.
                let unpack = move || self.unpacked(framed, encoding);
                Ok(offload.run(self.size, unpack).await?)
            }
            (1, None) => {
                let text = "the message is compressed, and no grpc-encoding says how";
                Err(bad(text).into())
            }
            _ => Err(bad("the message's prefix starts neither with 0 nor with 1").into()),
        }
    }

    /// Everything that the client sends. One piece is not copied; memory grows with what has come,
    /// never with what is claimed.
    async fn collect(self, mut body: Incoming) -> Result<Bytes, Failure> {
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(piece) = self.piece(&mut body).await? {
            if first.is_empty() {
                first = piece;
            } else {
                if rest.is_empty() {
                    let claimed = prefix(&first).map_or(0, |(_, length)| PREFIX + length);
                    rest.reserve(claimed.min(RESERVED_AT_MOST));
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&piece);
            }
            let so_far = if rest.is_empty() { &*first } else { &*rest };
            let claimed = prefix(so_far).map_or(0, |(_, length)| length);
            if claimed > self.size || so_far.len() > PREFIX + self.size {
                return Err(self.too_large().into());
            }
        }
        Ok(if rest.is_empty() {
            first
        } else {
            rest.freeze()
        })
    }

    async fn piece(self, body: &mut Incoming) -> Result<Option<Bytes>, Status> {
        loop {
            // What is there already needs no timer.
            let frame = match body.frame().now_or_never() {
                Some(frame) => frame,
                None => timeout(self.idle, body.frame()).await.map_err(|_| {
                    Status::deadline_exceeded(format!(
                        "nothing more of the request came for {:?}",
                        self.idle
                    ))
                })?,
            };
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Ok(Some(data)),
                    // Trailers: requests have none that matter.
                    Err(_) => {}
                },
                Some(Err(_)) => return Err(Status::cancelled("the request broke off")),
            }
        }
    }

    fn unpacked(self, framed: Bytes, encoding: CompressionEncoding) -> Result<Bytes, Error> {
        let body = Full::new(framed);
        let mut messages = Streaming::new_request(Whole, body, Some(encoding), Some(self.size));
        let Some(message) = messages.message().now_or_never() else {
            let text = "a whole body was not ready at once";
            return Err(Error::new(ErrorKind::Internal, text));
        };
        match message {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(bad("the request has no message")),
            Err(error) => Err(match error.code() {
                Code::ResourceExhausted | Code::OutOfRange => self.too_large(),
                _ => bad(&format!(
                    "the message cannot be unpacked: {}",
                    error.message()
                )),
            }),
        }
    }

    fn too_large(self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the message is too large, allowed are {} bytes (--max-body-size, \
                 seldon.io/grpc-max-message-size)",
                self.size
            ),
        )
    }
}

fn bad(text: &str) -> Error {
    Error::new(ErrorKind::BadData, text)
}

/// How the message is compressed, if it says so.
fn encoding(headers: &HeaderMap) -> Result<Option<CompressionEncoding>, Status> {
    let Some(value) = headers.get("grpc-encoding") else {
        return Ok(None);
    };
    match value.as_bytes() {
        b"identity" => Ok(None),
        b"gzip" => Ok(Some(CompressionEncoding::Gzip)),
        b"zstd" => Ok(Some(CompressionEncoding::Zstd)),
        other => {
            let mut status = Status::unimplemented(format!(
                "the message is compressed with {:?}, allowed are gzip, zstd and identity",
                String::from_utf8_lossy(other)
            ));
            let accepted = tonic::metadata::MetadataValue::from_static("gzip,zstd,identity");
            status
                .metadata_mut()
                .insert("grpc-accept-encoding", accepted);
            Err(status)
        }
    }
}

/// A message as the bytes that it came in.
struct Whole;

impl Decoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}
