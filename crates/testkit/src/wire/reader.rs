//! What the two protocols have in common: responses that are complete, one after the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::http1::Http1;
use super::http2::{Http2, PREFACE};
use crate::http::Response;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    #[serde(rename = "HTTP/1")]
    Http1,
    /// HTTP/2 without TLS, with gRPC in it.
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// Reads both directions of one connection.
#[derive(Debug)]
pub(super) enum Reader {
    Http1(Http1),
    Http2(Http2),
}

impl Reader {
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1(Http1::default()),
            Protocol::Http2 => Self::Http2(Http2::default()),
        }
    }

    /// The protocol of a client that starts like this.
    pub(super) fn protocol(start: &[u8]) -> Protocol {
        if start.starts_with(PREFACE) {
            Protocol::Http2
        } else {
            Protocol::Http1
        }
    }

    /// Takes what the client sent.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        match self {
            Self::Http1(reader) => reader.sent(bytes),
            Self::Http2(reader) => reader.sent(bytes),
        }
    }

    /// Takes what the server sent; an error says what cannot be read.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Http1(reader) => {
                reader.received(bytes);
                Ok(())
            }
            Self::Http2(reader) => reader.received(bytes),
        }
    }

    /// How much of the front of `bytes` may be sent now.
    pub(super) fn sendable(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Http1(_) => bytes.len(),
            Self::Http2(reader) => reader.sendable(bytes),
        }
    }

    /// Takes the end of what the server sent.
    pub(super) fn ended(&mut self) {
        if let Self::Http1(reader) = self {
            reader.ended();
        }
    }

    /// Responses that are complete.
    pub(super) fn completed(&self) -> usize {
        match self {
            Self::Http1(reader) => reader.responses().len(),
            Self::Http2(reader) => reader.completed(),
        }
    }

    /// Requests without a complete response.
    pub(super) fn open(&self) -> usize {
        match self {
            Self::Http1(reader) => reader.open(),
            Self::Http2(reader) => reader.open(),
        }
    }

    /// The complete responses: by their number over HTTP/1, by their stream over HTTP/2, where the
    /// status is gRPC's and the headers are with the trailers.
    pub(super) fn responses(&self) -> Result<BTreeMap<u32, Response>, String> {
        match self {
            Self::Http1(reader) => Ok((1..).zip(reader.responses().iter().cloned()).collect()),
            Self::Http2(reader) => reader.responses(),
        }
    }
}
