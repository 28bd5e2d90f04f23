//! From compressed bytes to what they were, within bounds.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use streeling_core::{Charge, Error};

use super::Coding;

/// Room for what comes out, before more than that has come.
const AT_FIRST: usize = 64 * 1024;

/// The largest window of zstd, as a power of two: 8 MiB, which RFC 8878 recommends to support. The
/// decoder allocates it by the frame's claim alone.
const ZSTD_WINDOW: u32 = 23;

/// Why bytes cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// More came out than may be.
    #[error("too many bytes")]
    TooLarge,
    /// They are not what their coding prescribes, break off, or go on behind their end.
    #[error("{0}")]
    Corrupt(#[source] io::Error),
    /// There is no memory for what came out.
    #[error(transparent)]
    Memory(Error),
}

/// What packed bytes were before, if that is at most `most` bytes. `charge` grows before memory
/// does, and lives as long as the result.
///
/// # Errors
///
/// [`UnpackError`], each for its reason.
pub fn unpack(
    packed: &[u8],
    coding: Coding,
    most: usize,
    mut charge: Charge,
) -> Result<Bytes, UnpackError> {
    let mut reader = reader(packed, coding).map_err(UnpackError::Corrupt)?;
    let mut whole = Vec::new();
    let mut filled = 0;
    loop {
        if filled == whole.len() {
            // One byte more than there may be shows that there is too much.
            let room = (2 * filled).max(AT_FIRST).min(most.saturating_add(1));
            charge.grow(room - filled).map_err(UnpackError::Memory)?;
            whole.reserve_exact(room - filled);
            whole.resize(room, 0);
        }
        match reader.read(&mut whole[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(UnpackError::Corrupt(error)),
        }
        if filled > most {
            return Err(UnpackError::TooLarge);
        }
    }
    whole.truncate(filled);
    whole.shrink_to_fit();
    charge.shrink(filled);
    Ok(charge.hold(Bytes::from(whole)))
}

fn reader<'a>(packed: &'a [u8], coding: Coding) -> io::Result<Box<dyn Read + 'a>> {
    if packed.is_empty() {
        return Err(broken("there is nothing"));
    }
    Ok(match coding {
        Coding::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Coding::Deflate => Box::new(Inflate::new(packed)),
        Coding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
    })
}

/// Reads deflate with the zlib format around it, or without. `flate2` takes a stream that breaks
/// off for one that ends, and does not look behind the end.
struct Inflate<'a> {
    stream: Decompress,
    left: &'a [u8],
    has_ended: bool,
}

impl<'a> Inflate<'a> {
    fn new(packed: &'a [u8]) -> Self {
        Self {
            stream: Decompress::new(has_zlib_header(packed)),
            left: packed,
            has_ended: false,
        }
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.has_ended || out.is_empty() {
            return Ok(0);
        }
        let (taken, given) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .decompress(self.left, out, FlushDecompress::None)
            .map_err(|_| broken("corrupt deflate stream"))?;
        // Neither can be more than there is of these slices.
        let taken = (self.stream.total_in() - taken) as usize;
        let given = (self.stream.total_out() - given) as usize;
        self.left = &self.left[taken..];
        if status == Status::StreamEnd {
            if !self.left.is_empty() {
                return Err(broken("there are bytes behind the end"));
            }
            self.has_ended = true;
        } else if taken == 0 && given == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it breaks off",
            ));
        } else if given == 0 {
            // Nothing read would be the end.
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(given)
    }
}

/// Whether it starts as RFC 1950 prescribes. Without that format, its first byte would be a stored
/// block with a bit of padding set, which no encoder writes.
fn has_zlib_header(packed: &[u8]) -> bool {
    let Some(&[method, flags]) = packed.first_chunk() else {
        // Both ways it breaks off.
        return true;
    };
    method & 0x0F == 8 && method >> 4 <= 7 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0
}

fn broken(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
