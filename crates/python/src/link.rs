//! The front's half of one worker thread's socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use crate::frame::{HEADER, Header};
use crate::request::Pieces;

/// Pieces handed to one `writev`; a full lane of small requests.
const SLICES: usize = 64;

/// What a read asks for at least: some hundred small replies.
const CHUNK: usize = 64 * 1024;

/// A frame that came, or of one that is larger than allowed its header alone.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) body: Option<Bytes>,
}

/// Many frames may be under way in both directions.
///
/// A frame that the worker is waiting for is written at once, so that a lone request costs no
/// change of task. One for a busy worker is left to [`Link::write`], which runs after the other
/// tasks that are ready: it then writes the frames of many requests with one system call.
#[derive(Debug)]
pub(crate) struct Link {
    /// Taken by [`Link::read`].
    reader: Mutex<Option<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    out: Mutex<Out>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Out {
    pieces: VecDeque<Bytes>,
    /// [`Link::write`] has been told, and nobody else may write, or frames would mix.
    told: bool,
}

impl Link {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            reader: Mutex::new(Some(reader)),
            writer,
            out: Mutex::default(),
            more: Notify::new(),
        }
    }

    /// Sends a frame, at once if that is `urgent` and the socket has room, else soon. A socket that
    /// is broken swallows it: the reading side learns of that and answers for all its requests.
    pub(crate) fn send(&self, frame: Pieces, urgent: bool) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.pieces.extend(frame);
        let written = urgent && !out.told && self.flush(&mut out);
        if !written && !out.told {
            out.told = true;
            self.more.notify_one();
        }
    }

    /// Writes what [`Link::send`] did not; runs for as long as the link does.
    pub(crate) async fn write(&self) {
        loop {
            self.more.notified().await;
            tokio::task::yield_now().await;
            loop {
                // An error shows again, and ends the link, where the socket is read.
                let _ = self.writer.writable().await;
                let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
                if self.flush(&mut out) {
                    out.told = false;
                    break;
                }
            }
        }
    }

    /// Hands every batch of frames that has come to `take`, until the worker closes the socket
    /// (`Ok`) or does not keep to the protocol. A frame of more than `limit` bytes is read to its
    /// end and thrown away. To be called once.
    pub(crate) async fn read(
        &self,
        limit: usize,
        mut take: impl FnMut(Vec<Received>) -> io::Result<()>,
    ) -> io::Result<()> {
        let reader = self
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut reader = reader.ok_or(io::ErrorKind::NotConnected)?;
        let mut buffer = BytesMut::with_capacity(CHUNK);
        let mut skip = 0_u64;
        loop {
            // Unlike `try_read_buf`, this knows that a read which did not fill the buffer took all
            // there was, and saves the one that would only say so.
            match reader.read_buf(&mut buffer).await? {
                0 if buffer.is_empty() && skip == 0 => return Ok(()),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
            let batch = split(&mut buffer, &mut skip, limit)?;
            if !batch.is_empty() {
                take(batch)?;
            }
        }
    }

    /// Tells the worker that nothing more will come.
    pub(crate) fn close(&self) {
        // A socket that is gone already has been told.
        let _ = rustix::net::shutdown(self.writer.as_ref(), rustix::net::Shutdown::Write);
    }

    /// Writes as much as the socket takes; whether that was all.
    fn flush(&self, out: &mut Out) -> bool {
        while !out.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&out.pieces) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            match self.writer.try_write_vectored(&slices[..count]) {
                Ok(written) => out.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => out.pieces.clear(),
            }
        }
        true
    }
}

impl Out {
    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.pieces.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.pieces.pop_front();
        }
    }
}

/// Takes whole frames off the front of `buffer` and makes room for the rest of the next.
pub(crate) fn split(
    buffer: &mut BytesMut,
    skip: &mut u64,
    limit: usize,
) -> io::Result<Vec<Received>> {
    let mut batch = Vec::new();
    loop {
        if *skip > 0 {
            let some = buffer
                .len()
                .min(usize::try_from(*skip).unwrap_or(usize::MAX));
            buffer.advance(some);
            *skip -= some as u64;
        }
        let Some(head) = buffer.first_chunk::<HEADER>() else {
            buffer.reserve(CHUNK);
            return Ok(batch);
        };
        let header = Header::decode(head).map_err(io::Error::other)?;
        match usize::try_from(header.length) {
            Ok(length) if length <= limit => {
                let frame = HEADER + length;
                if buffer.len() < frame {
                    buffer.reserve((frame - buffer.len()).max(CHUNK));
                    return Ok(batch);
                }
                buffer.advance(HEADER);
                let body = buffer.split_to(length).freeze();
                batch.push(Received {
                    header,
                    body: Some(body),
                });
            }
            _ => {
                buffer.advance(HEADER);
                *skip = header.length;
                batch.push(Received { header, body: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Kind;

    fn frame(id: u64, body: &[u8]) -> Vec<u8> {
        let header = Header {
            id,
            ..Header::control(Kind::Reply, body.len())
        };
        [&header.encode()[..], body].concat()
    }

    #[tokio::test]
    async fn frames_of_all_sizes_pass_in_order_even_when_the_socket_is_full() {
        let (here, there) = UnixStream::pair().unwrap();
        let (here, there) = (Link::new(here), Link::new(there));
        let bodies: Vec<Vec<u8>> = [0, 1, 70_000, 3, 2_000_000, 64]
            .map(|size| vec![size as u8; size])
            .into();
        for (id, body) in bodies.iter().enumerate() {
            here.send(vec![Bytes::from(frame(id as u64, body))], id % 2 == 0);
        }
        let mut seen = Vec::new();
        let reading = there.read(1_000_000, |batch| {
            seen.extend(batch);
            if seen.len() == 6 {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                Ok(())
            }
        });
        tokio::select! {
            result = reading => assert_eq!(result.unwrap_err().kind(), io::ErrorKind::Interrupted),
            () = here.write() => unreachable!("runs for ever"),
        }
        for (id, (received, body)) in seen.iter().zip(&bodies).enumerate() {
            assert_eq!(received.header.id, id as u64);
            match &received.body {
                Some(found) => assert_eq!(found, body),
                None => assert_eq!(
                    body.len(),
                    2_000_000,
                    "only the one above the limit is left out"
                ),
            }
        }
    }

    #[tokio::test]
    async fn end_in_the_middle_of_a_frame_is_an_error_and_between_frames_is_not() {
        for (cut, clean) in [(0, true), (40, false), (10, false)] {
            let (here, there) = UnixStream::pair().unwrap();
            let bytes = frame(1, &[7; 20]);
            here.try_write(&bytes).ok();
            here.writable().await.unwrap();
            here.try_write(&bytes[..cut]).ok();
            drop(here);
            let result = Link::new(there).read(1000, |_| Ok(())).await;
            assert_eq!(result.is_ok(), clean, "cut at {cut}");
        }
    }
}
