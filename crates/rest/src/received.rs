//! Bodies that have come, and the ways to read them.

use bytes::Bytes;
use streeling_core::{Input, Method, RawMessage, Result};

use crate::head::Head;
use crate::protocol::{Params, Protocol, Undecoded};

/// The body of a request, and what is done with it.
pub(crate) enum Received {
    /// A page of the component gets it.
    Page(Bytes),
    /// The component gets it unread, in the pieces in which it came.
    Unread(Method, Vec<Bytes>),
    /// It is decoded.
    Message(Method, Bytes),
}

impl Received {
    /// Bytes in all.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Page(whole) | Self::Message(_, whole) => whole.len(),
            Self::Unread(_, pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }
}

/// What a protocol reads.
pub(crate) fn undecoded<'a>(
    head: &'a Head,
    method: Method,
    params: &'a Params,
    body: Bytes,
) -> Undecoded<'a> {
    Undecoded {
        method,
        params,
        query: head.query(),
        headers: &head.headers,
        body,
    }
}

/// Reads a raw message.
pub(crate) fn as_raw_message(
    protocol: &dyn Protocol,
    undecoded: Undecoded<'_>,
) -> Result<Option<(RawMessage, Input)>> {
    protocol.raw_message(undecoded)
}

/// Reads what a method is called on.
pub(crate) fn as_input(protocol: &dyn Protocol, undecoded: Undecoded<'_>) -> Result<Input> {
    protocol.decode(undecoded)
}
