//! Reading in portions, so that a connection that is kept open keeps little memory, and writing
//! short responses in one piece. What has come is looked at here before hyper gets it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::time::{Sleep, sleep};

use crate::cuts::HeadLate;
use crate::framing::Framing;

/// Bytes that a read may bring at most.
///
/// Hyper doubles a connection's read buffer, up to 400 KiB, for as long as reads fill it, and keeps
/// it while the client keeps the connection. One byte less than a power of two, and a read cannot
/// fill a buffer of that size, so it does not grow any further.
const PORTION: u64 = 16 * 1024 - 1;

/// Bytes at most that are put together to be written in one piece: to gather them from several
/// places takes the kernel longer than to copy so few.
const TOGETHER: usize = 1024;

/// A client's connection.
pub(crate) struct Portions<Io> {
    io: Take<Io>,
    framing: Framing,
    /// How long a head may take.
    head_timeout: Duration,
    /// Runs while a part of a head has come.
    head_clock: Option<Pin<Box<Sleep>>>,
}

impl<Io: AsyncRead> Portions<Io> {
    pub(crate) fn new(io: Io, framing: Framing, head_timeout: Duration) -> Self {
        Self {
            io: io.take(PORTION),
            framing,
            head_timeout,
            head_clock: None,
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Portions<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            io,
            framing,
            head_timeout,
            head_clock,
        } = &mut *self;
        let before = buffer.filled().len();
        io.set_limit(PORTION);
        let result = Pin::new(io).poll_read(context, buffer);
        // Nothing has come where it is pending, or failed.
        framing.advance(&buffer.filled()[before..]);
        if !framing.is_within_head() {
            *head_clock = None;
            return result;
        }
        let clock = head_clock.get_or_insert_with(|| Box::pin(sleep(*head_timeout)));
        if result.is_pending() && clock.as_mut().poll(context).is_ready() {
            let late = io::Error::new(io::ErrorKind::TimedOut, HeadLate);
            return Poll::Ready(Err(late));
        }
        result
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Portions<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.io.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if length <= TOGETHER {
            let mut whole = [0; TOGETHER];
            let mut end = 0;
            for slice in slices {
                whole[end..][..slice.len()].copy_from_slice(slice);
                end += slice.len();
            }
            return self.poll_write(context, &whole[..length]);
        }
        Pin::new(self.io.get_mut()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn slices_are_written_in_their_order_whatever_their_length() {
        for length in [0, 1, 700, 5_000] {
            let (near, mut far) = tokio::io::duplex(64 * 1024);
            let (head, body) = (vec![b'h'; 100], vec![b'b'; length]);
            let framing = Framing::new();
            let mut portions = Portions::new(near, framing, Duration::MAX);
            let slices = [IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&body)];
            let mut written = portions.write_vectored(&slices).await.unwrap();
            // What cannot gather takes the first one alone.
            if written == head.len() && length > 0 {
                written += portions.write(&body).await.unwrap();
            }
            assert_eq!(written, head.len() + length);
            drop(portions);
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.unwrap();
            assert!(read == [head, body].concat());
        }
    }
}
