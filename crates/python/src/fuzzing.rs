//! What the fuzz targets call, and the test that replays their corpus. No part of the interface.

use std::io;

use bytes::BytesMut;

use streeling_core::{Account, Encoding};

use crate::connection::{Frames, Limits};
use crate::frame::Kind;
use crate::reply::Reply;
use crate::template::{Constructed, parse, read_hello};
use crate::worker::Ready;

/// Reads the frames in `stream` as they come `step` bytes at a time (at least one), with at most
/// `limit` bytes each. Returns a text for each, to be compared.
///
/// # Errors
///
/// When the stream breaks the protocol, so that the worker would be killed.
pub fn replies(stream: &[u8], step: usize, limit: usize) -> io::Result<Vec<String>> {
    let mut buffer = BytesMut::new();
    let mut frames = Frames::new(Limits {
        size: limit,
        account: Account::default(),
    });
    let mut replies = Vec::new();
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        for received in frames.split(&mut buffer)? {
            let header = received.header;
            replies.push(match received.body {
                Some(body) => {
                    let reply = Reply {
                        header,
                        body,
                        slot: 0,
                    };
                    let outcomes = [Encoding::Json, Encoding::Protobuf, Encoding::Tensors]
                        .map(|encoding| reply.clone().outcome(encoding, true));
                    format!("{header:?} {outcomes:?}")
                }
                None => format!("{header:?} is too long"),
            });
        }
    }
    Ok(replies)
}

/// Reads a body as each kind of frame on a control socket. Returns a text for each that it is not.
#[must_use]
pub fn control(body: &[u8]) -> Vec<String> {
    let hello = read_hello(Kind::Hello, body).err();
    let constructed = parse::<Constructed>(body).map(|one| one.time()).err();
    let ready = parse::<Ready>(body).map(|one| (one.load_time(), one.wants()));
    [hello, constructed, ready.err()]
        .into_iter()
        .flatten()
        .map(|error| error.to_string())
        .collect()
}
