//! Reading in portions, so that a connection that is kept open keeps little memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};

/// Bytes that a read may bring at most.
///
/// Hyper doubles a connection's read buffer, up to 400 KiB, for as long as reads fill it, and keeps
/// it while the client keeps the connection. One byte less than a power of two, and a read cannot
/// fill a buffer of that size, so it does not grow any further.
const PORTION: u64 = 16 * 1024 - 1;

/// A client's connection.
pub(crate) struct Portions<Io>(Take<Io>);

impl<Io: AsyncRead> Portions<Io> {
    pub(crate) fn new(io: Io) -> Self {
        Self(io.take(PORTION))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Portions<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.set_limit(PORTION);
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Portions<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_shutdown(context)
    }
}
