//! The frame that a message has on the wire.

use bytes::Bytes;
use streeling_core::{Error, Result};

/// Bytes before a message on the wire: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;

/// Whether a message is compressed, and its length.
pub(crate) fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let (&flag, rest) = bytes.split_first()?;
    let length = rest.first_chunk::<4>()?;
    Some((flag, u32::from_be_bytes(*length) as usize))
}

/// A message of about `size` bytes behind its prefix.
pub(crate) fn framed(
    size: usize,
    limit: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<Bytes> {
    let mut out = Vec::with_capacity(PREFIX + size);
    out.resize(PREFIX, 0);
    write(&mut out)?;
    let length = out.len() - PREFIX;
    let claimed = u32::try_from(length).ok().filter(|_| length <= limit);
    let Some(claimed) = claimed else {
        return Err(Error::response_too_large(
            length,
            limit,
            "--max-body-size, seldon.io/grpc-max-message-size",
        ));
    };
    out[1..PREFIX].copy_from_slice(&claimed.to_be_bytes());
    Ok(Bytes::from(out))
}
