//! A connection with TLS on it.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::counts::Counters;
use super::plain;
use crate::offload::Offload;
use crate::replayed::Replayed;

/// Bytes that are read before it is clear what the client speaks.
const START: usize = 24;

/// How to do the handshake of a connection.
pub(super) struct Handshake {
    pub(super) config: Arc<ServerConfig>,
    pub(super) timeout: Duration,
    pub(super) counters: Arc<Counters>,
    /// Where its cryptography is computed; `None`: where the connection is.
    pub(super) offload: Option<Arc<Offload>>,
    pub(super) peer: Option<SocketAddr>,
}

type Stream<Io> = Box<TlsStream<Replayed<Io, START>>>;

/// A connection with TLS on it. The handshake is done with the first read or write.
pub struct TlsIo<Io>(State<Io>);

enum State<Io> {
    Handshake(Pin<Box<dyn Future<Output = io::Result<Stream<Io>>> + Send>>),
    Open(Stream<Io>),
    /// The handshake has failed.
    Failed,
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsIo<Io> {
    pub(super) fn new(io: Io, handshake: Handshake) -> Self {
        Self(State::Handshake(Box::pin(handshake.run(io))))
    }

    /// The stream once the handshake is done.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut Stream<Io>>>> {
        if let State::Handshake(handshake) = &mut self.0 {
            self.0 = match ready!(handshake.as_mut().poll(context)) {
                Ok(stream) => State::Open(stream),
                Err(error) => {
                    self.0 = State::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(stream)),
            State::Handshake(_) | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl Handshake {
    async fn run<Io>(self, io: Io) -> io::Result<Stream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let result = self.accept(io).await;
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            let peer = self.peer.map(tracing::field::display);
            tracing::debug!(peer, "no TLS connection: {error}");
        }
        result
    }

    async fn accept<Io>(&self, mut io: Io) -> io::Result<Stream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let deadline = Instant::now() + self.timeout;
        let mut start = [0; START];
        let read = timeout_at(deadline, io.read(&mut start)).await;
        let length = read.unwrap_or_else(|_| Err(self.late()))?;
        if length == 0 {
            // A probe that only connects.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !plain::is_tls(&start[..length]) {
            self.counters.plain.increment();
            plain::refuse(&mut io, &start[..length]).await;
            return Err(io::Error::other("the client does not speak TLS"));
        }
        let io = Replayed::new(start, length, io);
        let accepted = TlsAcceptor::from(Arc::clone(&self.config)).accept(io);
        let accepted = accepted.into_fallible();
        let accepted = async {
            match &self.offload {
                Some(offload) => offload.drive(usize::MAX, accepted).await,
                None => accepted.await,
            }
        };
        match timeout_at(deadline, accepted).await {
            Ok(Ok(stream)) => {
                self.counters.completed.increment();
                Ok(Box::new(stream))
            }
            Ok(Err((error, mut io))) => {
                self.counters.failed.increment();
                plain::linger(&mut io).await;
                Err(error)
            }
            Err(_) => Err(self.late()),
        }
    }

    fn late(&self) -> io::Error {
        self.counters.late.increment();
        let limit = self.timeout;
        let text = format!("the handshake was not done within {limit:?} (--tls-handshake-timeout)");
        // Not `TimedOut`, which is how transports know a client that does not read.
        io::Error::new(io::ErrorKind::ConnectionAborted, text)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncRead for TlsIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncWrite for TlsIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        // So TLS has it, but it is not there yet when the first question comes.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream).poll_flush(context),
            // Nothing has been written.
            State::Handshake(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => {
                let mut stream = Pin::new(stream);
                ready!(stream.as_mut().poll_flush(context))?;
                match stream.poll_shutdown(context) {
                    // The client takes nothing, and only TLS' own last word is left: a socket
                    // without TLS would not wait either.
                    Poll::Pending => Poll::Ready(Ok(())),
                    ended @ Poll::Ready(_) => ended,
                }
            }
            // The socket is closed with this.
            State::Handshake(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }
}

impl<Io> fmt::Debug for TlsIo<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Handshake(_) => "TlsIo(handshake)",
            State::Open(_) => "TlsIo(open)",
            State::Failed => "TlsIo(failed)",
        })
    }
}
