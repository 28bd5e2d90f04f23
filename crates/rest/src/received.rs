//! Bodies that have come, and the ways to read them.

use bytes::{Buf, Bytes};
use futures_util::Stream;
use streeling_core::{Charge, Context, Input, Meter, Method, REQUEST, RawMessage, Result};
use streeling_net::Offload;

use crate::body::{self, Limits};
use crate::head::Head;
use crate::protocol::{Decoded, Params, Protocol, Route, Undecoded};

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

/// Reads a body to its end, of which the memory is taken before.
pub(crate) async fn whole<B: Buf, E>(
    head: &Head,
    body: &mut (impl Stream<Item = std::result::Result<B, E>> + Unpin),
    limits: Limits,
    offload: &Offload,
) -> Result<Bytes> {
    let claimed = head.length();
    limits.check(claimed)?;
    let mut charge = admitted(head, claimed)?;
    let whole = body::collect(body, claimed, limits, &mut charge, offload).await?;
    let whole = charge.hold_beyond(REQUEST, whole);
    head.request.hold(charge);
    Ok(whole)
}

/// As [`whole`], in the pieces in which it came.
pub(crate) async fn pieces<B: Buf, E>(
    context: &Context,
    head: &Head,
    body: &mut (impl Stream<Item = std::result::Result<B, E>> + Unpin),
    limits: Limits,
) -> Result<Vec<Bytes>> {
    let claimed = head.length();
    limits.check(claimed)?;
    let mut charge = admitted(head, claimed)?;
    let pieces = body::pieces(body, claimed, limits, &mut charge).await?;
    head.request.hold(charge);
    context.set_received(pieces.iter().map(Bytes::len).sum());
    Ok(pieces)
}

/// Takes what a request and the body that it claims need; more of it is taken as it comes.
fn admitted(head: &Head, claimed: Option<u64>) -> Result<Charge> {
    let claimed = claimed.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    let mut charge = head.account.request();
    charge.grow(claimed.saturating_add(REQUEST))?;
    Ok(charge)
}

/// What a protocol reads.
pub(crate) fn undecoded<'a>(
    head: &'a Head,
    route: &'static Route,
    method: Method,
    params: &'a Params,
    body: Bytes,
    memory: &'a Meter,
) -> Undecoded<'a> {
    Undecoded {
        route,
        method,
        params,
        query: head.query(),
        headers: &head.headers,
        body,
        memory,
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
pub(crate) fn as_input(protocol: &dyn Protocol, undecoded: Undecoded<'_>) -> Result<Decoded> {
    protocol.decode(undecoded)
}
