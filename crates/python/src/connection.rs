//! The connection to one thread of a worker: a socket that carries requests and responses.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Mutex;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use streeling_core::{Account, Charge, Error, Use};

use crate::frame::{HEADER, Header, Pieces};
use crate::lock::lock;

/// Pieces handed to one `writev`: as many small requests as a connection may have in flight.
const SLICES: usize = 64;

/// Room that is made for reads: some hundred small replies.
const CHUNK: usize = 64 * 1024;

/// Room for a read at least. Replies lie in the buffer until they have been decoded, so making room
/// takes a new buffer: with one for each read, 3.0 % of the server's time went to the allocator's
/// slow path at a small request, with this 1.7 (perf, noisy machine).
const ROOM: usize = 8 * 1024;

/// A frame from a worker; of one that is larger than allowed only the header.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) body: Option<Bytes>,
    /// Why it has no body, where that is not its own size.
    pub(crate) error: Option<Box<Error>>,
}

/// What frames from workers may take.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of one at most.
    pub(crate) size: usize,
    /// Where memory for large ones comes from.
    pub(crate) account: Account,
}

/// Many frames may be in flight in both directions.
///
/// A frame for an idle thread is written at once, so that a lone request costs no change of task.
/// One for a busy thread is left to [`Connection::write`], which runs after the other tasks that
/// are ready: it then writes the frames of many requests with one system call.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Taken by [`Connection::read`].
    reader: Mutex<Option<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    outbox: Mutex<Outbox>,
    notify_writer: Notify,
}

#[derive(Debug, Default)]
struct Outbox {
    pieces: VecDeque<Bytes>,
    /// [`Connection::write`] has been notified; until it has written all, nothing else may write,
    /// or frames would mix.
    is_notified: bool,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            reader: Mutex::new(Some(reader)),
            writer,
            outbox: Mutex::default(),
            notify_writer: Notify::new(),
        }
    }

    /// Sends a frame, at once if it is `urgent` and the socket has room, else soon. On a broken
    /// socket the frame is lost: the reading side notices that, and fails all its requests.
    pub(crate) fn send(&self, frame: Pieces, urgent: bool) {
        let mut outbox = lock(&self.outbox);
        outbox.pieces.extend(frame);
        let is_written = urgent && !outbox.is_notified && self.flush(&mut outbox);
        if !is_written && !outbox.is_notified {
            outbox.is_notified = true;
            self.notify_writer.notify_one();
        }
    }

    /// Writes what [`Connection::send`] did not; runs for as long as the connection does.
    pub(crate) async fn write(&self) {
        loop {
            self.notify_writer.notified().await;
            tokio::task::yield_now().await;
            loop {
                // An error shows again where the socket is read, and ends the connection there.
                let _ = self.writer.writable().await;
                let mut outbox = lock(&self.outbox);
                if self.flush(&mut outbox) {
                    outbox.is_notified = false;
                    break;
                }
            }
        }
    }

    /// Hands every batch of frames to `take`, until the worker closes the socket (`Ok`) or breaks
    /// the protocol. A frame that is larger than allowed, or that there is no memory for, is read
    /// to its end and thrown away. To be called once.
    pub(crate) async fn read(
        &self,
        limits: Limits,
        mut take: impl FnMut(Vec<Received>) -> io::Result<()>,
    ) -> io::Result<()> {
        let reader = lock(&self.reader).take();
        let mut reader = reader.ok_or(io::ErrorKind::NotConnected)?;
        let mut buffer = BytesMut::with_capacity(CHUNK);
        let mut frames = Frames::new(limits);
        loop {
            // Unlike `try_read_buf`, this knows that a read which did not fill the buffer took all
            // there was, and saves another read that would only find nothing.
            match reader.read_buf(&mut buffer).await? {
                0 if buffer.is_empty() && frames.skip == 0 => return Ok(()),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
            let batch = frames.split(&mut buffer)?;
            if !batch.is_empty() {
                take(batch)?;
            }
        }
    }

    /// Closes the half that writes: at its end the worker knows that no more requests come.
    pub(crate) fn close(&self) {
        // It fails only where the socket is closed already.
        let _ = rustix::net::shutdown(self.writer.as_ref(), rustix::net::Shutdown::Write);
    }

    /// Writes as much as the socket takes; returns whether that was all.
    fn flush(&self, outbox: &mut Outbox) -> bool {
        while !outbox.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&outbox.pieces) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            match self.writer.try_write_vectored(&slices[..count]) {
                Ok(written) => outbox.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => outbox.pieces.clear(),
            }
        }
        true
    }
}

impl Outbox {
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

/// The frames of a worker's bytes.
#[derive(Debug)]
pub(crate) struct Frames {
    limits: Limits,
    /// Bytes of a frame that are still to be thrown away.
    skip: u64,
    /// For a large frame of which a part has come.
    charge: Option<Charge>,
}

impl Frames {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            skip: 0,
            charge: None,
        }
    }

    /// Takes whole frames off the front of `buffer` and makes room for the rest of the next.
    pub(crate) fn split(&mut self, buffer: &mut BytesMut) -> io::Result<Vec<Received>> {
        let mut batch = Vec::new();
        loop {
            if self.skip > 0 {
                let some = buffer
                    .len()
                    .min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                buffer.advance(some);
                self.skip -= some as u64;
            }
            let Some(head) = buffer.first_chunk::<HEADER>() else {
                if buffer.capacity() - buffer.len() < ROOM {
                    buffer.reserve(CHUNK);
                }
                return Ok(batch);
            };
            let header = Header::decode(head).map_err(io::Error::other)?;
            let length = usize::try_from(header.length).ok();
            let length = length.filter(|length| *length <= self.limits.size);
            let (length, error) = match length.map(|length| self.admit(length, buffer)) {
                Some(Ok(length)) => (Some(length), None),
                Some(Err(error)) => (None, Some(Box::new(error))),
                None => (None, None),
            };
            let Some(length) = length else {
                buffer.advance(HEADER);
                self.skip = header.length;
                batch.push(Received {
                    header,
                    body: None,
                    error,
                });
                continue;
            };
            let frame = HEADER + length;
            if buffer.len() < frame {
                make_room(buffer, frame);
                return Ok(batch);
            }
            buffer.advance(HEADER);
            let body = if length >= CHUNK && buffer.len() == length {
                std::mem::replace(buffer, BytesMut::with_capacity(CHUNK))
            } else {
                buffer.split_to(length)
            };
            let body = body.freeze();
            let body = match self.charge.take() {
                Some(charge) => charge.hold(body),
                None => body,
            };
            batch.push(Received {
                header,
                body: Some(body),
                error: None,
            });
        }
    }

    /// Takes the memory for a frame of which more is to come, once.
    fn admit(&mut self, length: usize, buffer: &BytesMut) -> Result<usize, Error> {
        if length >= CHUNK && buffer.len() < HEADER + length && self.charge.is_none() {
            let mut charge = self.limits.account.charge(Use::Response, 0);
            charge.grow(length)?;
            self.charge = Some(charge);
        }
        Ok(length)
    }
}

/// Makes room for the rest of a frame. A large one gets memory of its own, and no byte more: what
/// comes behind it would share that, and hold it when the frame has long gone.
fn make_room(buffer: &mut BytesMut, frame: usize) {
    if buffer.capacity() == frame {
        return;
    }
    if frame - buffer.len() < CHUNK {
        buffer.reserve(CHUNK);
    } else {
        let mut own = BytesMut::with_capacity(frame);
        own.extend_from_slice(buffer);
        *buffer = own;
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{Budget, ErrorKind};

    use super::*;
    use crate::frame::Kind;

    fn limits(size: usize) -> Limits {
        Limits {
            size,
            account: Account::default(),
        }
    }

    #[test]
    fn a_large_frame_is_charged_for_as_long_as_it_lives_or_thrown_away() {
        let budget = Budget::new(1 << 20);
        let mut frames = Frames::new(Limits {
            account: budget.account(),
            ..limits(1 << 30)
        });
        let mut buffer = BytesMut::new();
        let mut received = Vec::new();
        let sizes = [CHUNK, 900_000, CHUNK + 1, 300_000];
        let stream: Vec<u8> = (0..)
            .zip(sizes)
            .flat_map(|(id, size)| frame(id, &vec![7; size]))
            .collect();
        let pieces = stream.chunks(1000);
        for piece in pieces {
            buffer.extend_from_slice(piece);
            received.extend(frames.split(&mut buffer).unwrap());
        }
        let found: Vec<_> = received
            .iter()
            .map(|one| one.body.as_ref().map(Bytes::len))
            .collect();
        assert_eq!(found, [Some(CHUNK), Some(900_000), Some(CHUNK + 1), None]);
        assert_eq!(budget.used(), sizes[..3].iter().sum::<usize>());
        let error = received[3].error.as_ref().unwrap();
        assert_eq!(error.kind, ErrorKind::MemoryFull);
        received.clear();
        assert_eq!(budget.used(), 0);
        buffer.extend_from_slice(&frame(4, b"next"));
        let next = frames.split(&mut buffer).unwrap();
        assert_eq!(next[0].body.as_deref(), Some(&b"next"[..]));
    }

    #[test]
    fn a_large_frame_leaves_no_memory_behind_however_it_came() {
        for piece in [1000, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let mut frames = Frames::new(limits(1 << 30));
            let mut buffer = BytesMut::with_capacity(CHUNK);
            let stream: Vec<u8> = (0..3).flat_map(|id| frame(id, &[7; 5 * CHUNK])).collect();
            let mut bytes = &stream[..];
            let mut received = 0;
            while !bytes.is_empty() {
                // As `read` takes no more than there is room for.
                let room = buffer.capacity() - buffer.len();
                let (some, rest) = bytes.split_at(room.min(piece).min(bytes.len()));
                buffer.extend_from_slice(some);
                bytes = rest;
                received += frames.split(&mut buffer).unwrap().len();
                let room = buffer.capacity();
                assert!(room <= 2 * CHUNK || room == HEADER + 5 * CHUNK, "{room}");
            }
            assert_eq!(received, 3);
            assert!(buffer.capacity() <= 2 * CHUNK, "{}", buffer.capacity());
        }
    }

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
        let (here, there) = (Connection::new(here), Connection::new(there));
        let bodies: Vec<Vec<u8>> = [0, 1, 70_000, 3, 2_000_000, 64]
            .map(|size| vec![size as u8; size])
            .into();
        for (id, body) in bodies.iter().enumerate() {
            here.send(vec![Bytes::from(frame(id as u64, body))], id % 2 == 0);
        }
        let mut seen = Vec::new();
        let reading = there.read(limits(1_000_000), |batch| {
            seen.extend(batch);
            if seen.len() == bodies.len() {
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
    async fn an_end_within_a_frame_is_an_error_and_one_between_frames_is_not() {
        for (cut, clean) in [(0, true), (40, false), (10, false)] {
            let (here, there) = UnixStream::pair().unwrap();
            let bytes = frame(1, &[7; 20]);
            here.try_write(&bytes).ok();
            here.writable().await.unwrap();
            here.try_write(&bytes[..cut]).ok();
            drop(here);
            let result = Connection::new(there).read(limits(1000), |_| Ok(())).await;
            assert_eq!(result.is_ok(), clean, "cut at {cut}");
        }
    }
}
