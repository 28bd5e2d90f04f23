//! Where connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

/// How long to wait after the system could not give a connection, usually for want of file
/// descriptors: trying again at once would take a whole core.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Something that gives connections: a TCP port, or a pipe in memory for tests.
pub trait Listener: Send + 'static {
    /// What a connection's bytes go through.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Errors are the listener's own matter; a future that is
    /// dropped loses no connection.
    fn accept(&mut self) -> impl Future<Output = Connection<Self::Io>> + Send;

    /// Takes no more connections, and gives those that came before and were not yet accepted: the
    /// client believes to be connected already.
    fn close(self) -> Vec<Connection<Self::Io>>;
}

/// A connection of a client.
#[derive(Debug)]
pub struct Connection<Io> {
    /// What its bytes go through.
    pub io: Io,
    /// The client's address and port, where it has one.
    pub peer: Option<SocketAddr>,
}

/// An open TCP port; see [`Bound::listen`](crate::Bound::listen).
#[derive(Debug)]
pub struct TcpPort {
    listener: TcpListener,
    local: SocketAddr,
    failures: Failures,
}

impl TcpPort {
    pub(crate) fn new(listener: TcpListener, local: SocketAddr) -> Self {
        Self {
            listener,
            local,
            failures: Failures::default(),
        }
    }

    /// The address, with the port that the system chose if 0 was requested.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Listener for TcpPort {
    type Io = TcpStream;

    async fn accept(&mut self) -> Connection<TcpStream> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return connection(stream, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.failures.log(&error);
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    fn close(self) -> Vec<Connection<TcpStream>> {
        let mut waiting = Vec::new();
        let Ok(listener) = self.listener.into_std() else {
            return waiting;
        };
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    let ready = stream.set_nonblocking(true);
                    let stream = ready.and_then(|()| TcpStream::from_std(stream));
                    waiting.extend(stream.map(|stream| connection(stream, peer)));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return waiting,
            }
        }
    }
}

fn connection(stream: TcpStream, peer: SocketAddr) -> Connection<TcpStream> {
    // Responses are written whole, so waiting for more to send with them gains nothing.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    Connection {
        io: stream,
        peer: Some(peer),
    }
}

/// An error that says something about the connection that was to be accepted, not about the port.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Logs at most once a second what keeps going wrong.
#[derive(Debug, Default)]
struct Failures {
    last: Option<Instant>,
    silent: usize,
}

impl Failures {
    fn log(&mut self, error: &io::Error) {
        if self
            .last
            .is_some_and(|last| last.elapsed() < Duration::from_secs(1))
        {
            self.silent += 1;
            return;
        }
        tracing::error!(%error, more = self.silent, "cannot accept connections");
        self.last = Some(Instant::now());
        self.silent = 0;
    }
}
