//! Compressing, at the level that costs least.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use streeling_core::Charge;

use super::Coding;

/// The fastest level of zstd that still compresses well.
const ZSTD_LEVEL: i32 = 1;

/// Room for what comes out, before more than that has come.
const AT_FIRST: usize = 4 * 1024;

/// Packs bytes, behind `room` zeros for the head of a frame. `None` where that does not make them
/// fewer, or where there is no memory: they can go out as they are. `charge` grows before memory
/// does, and stands for all of the result.
#[must_use]
pub fn pack(
    bytes: &[u8],
    coding: Coding,
    room: usize,
    charge: Charge,
) -> Option<(Vec<u8>, Charge)> {
    let mut out = Out {
        bytes: Vec::new(),
        most: room + bytes.len(),
        charge,
    };
    let packed = out
        .write_all(&vec![0; room])
        .and_then(|()| encode(bytes, coding, out));
    let Out {
        bytes: mut packed,
        mut charge,
        ..
    } = packed.ok()?;
    packed.shrink_to_fit();
    charge.shrink(packed.len());
    Some((packed, charge))
}

fn encode(bytes: &[u8], coding: Coding, out: Out) -> io::Result<Out> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(out, Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(out, Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Zstd => {
            let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
            // A window no larger than that, and a receiver that knows what to allocate.
            encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
            encoder.write_all(bytes)?;
            encoder.finish()
        }
    }
}

/// Less than `most` bytes.
struct Out {
    bytes: Vec<u8>,
    most: usize,
    charge: Charge,
}

impl Write for Out {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let size = self.bytes.len() + piece.len();
        if size >= self.most {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if size > self.bytes.capacity() {
            let capacity = size.max(2 * self.bytes.capacity()).max(AT_FIRST);
            let capacity = capacity.min(self.most);
            let more = capacity - self.bytes.capacity();
            self.charge.grow(more).map_err(io::Error::other)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
