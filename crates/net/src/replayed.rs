//! A connection whose first bytes have been read beforehand, and come all the same.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which up to `N` bytes are read once more.
#[derive(Debug)]
pub struct Replayed<Io, const N: usize> {
    start: [u8; N],
    /// The part of `start` that is still to come.
    from: usize,
    to: usize,
    io: Io,
}

impl<Io, const N: usize> Replayed<Io, N> {
    /// Gives the first `length` bytes of `start`, and then what comes on `io`.
    ///
    /// # Panics
    ///
    /// When there are fewer bytes.
    pub fn new(start: [u8; N], length: usize, io: Io) -> Self {
        assert!(length <= N, "{length} bytes of {N}");
        Self {
            start,
            from: 0,
            to: length,
            io,
        }
    }
}

impl<Io: AsyncRead + Unpin, const N: usize> AsyncRead for Replayed<Io, N> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.start[self.from..self.to];
        if left.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let length = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..length]);
        self.from += length;
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin, const N: usize> AsyncWrite for Replayed<Io, N> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
