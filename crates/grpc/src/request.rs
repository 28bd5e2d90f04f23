//! Taking a request's one message in, within its limits.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use http::HeaderMap;
use hyper::body::Incoming;
use streeling_core::{Error, ErrorKind};
use tokio::time::timeout;
use tonic::codec::{BufferSettings, CompressionEncoding, DecodeBuf, Decoder, Streaming};
use tonic::{Code, Status};

/// Where a message's bytes are gathered at first; most requests are smaller.
const BUFFER: usize = 512;

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes at most, uncompressed.
    pub(crate) size: usize,
    /// Time at most between two pieces.
    pub(crate) stall: Duration,
}

impl Limits {
    /// Reads the message, and that there is no second one.
    pub(crate) async fn read(self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Status> {
        let encoding = encoding(headers)?;
        let mut messages = Streaming::new_request(Whole, body, encoding, Some(self.size));
        let missing = || Status::invalid_argument("the request has no message");
        let message = self.next(&mut messages).await?.ok_or_else(missing)?;
        match self.next(&mut messages).await? {
            None => Ok(message),
            Some(_) => Err(Status::invalid_argument(
                "the request has more than one message, allowed is one",
            )),
        }
    }

    async fn next(self, messages: &mut Streaming<Bytes>) -> Result<Option<Bytes>, Status> {
        // What is there already needs no timer.
        let next = match messages.message().now_or_never() {
            Some(next) => next,
            None => timeout(self.stall, messages.message()).await.map_err(|_| {
                Status::deadline_exceeded(format!(
                    "nothing more of the request came for {:?}",
                    self.stall
                ))
            })?,
        };
        next.map_err(|status| self.explained(status))
    }

    /// Tonic's word for what went wrong, with the code that other servers give.
    fn explained(self, status: Status) -> Status {
        match status.code() {
            Code::OutOfRange | Code::ResourceExhausted => crate::status::status(&Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the message is too large, allowed are {} bytes (--max-body-size, seldon.io/grpc-max-message-size)",
                    self.size
                ),
            )),
            // The client's frames, not our state.
            Code::Internal => crate::status::status(&Error::new(
                ErrorKind::BadData,
                format!(
                    "the request is not framed as gRPC demands: {}",
                    status.message()
                ),
            )),
            _ => status,
        }
    }
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

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, BUFFER)
    }
}
