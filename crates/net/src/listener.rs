//! Where connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::activity::Activity;

/// Something that gives connections: a TCP port, or a pipe in memory for tests.
pub trait Listener: Send + 'static {
    /// What a connection's bytes go through.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. A future that is dropped loses no connection.
    ///
    /// # Errors
    ///
    /// When the system cannot give any, usually for want of file descriptors. What ails the one
    /// connection that was to come is the listener's own matter.
    fn accept(&mut self) -> impl Future<Output = io::Result<Connection<Self::Io>>> + Send;

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
    /// What it does, which its transport reports there.
    pub activity: Activity,
}

impl<Io> Connection<Io> {
    /// One that has just come.
    pub fn new(io: Io, peer: Option<SocketAddr>) -> Self {
        Self {
            io,
            peer,
            activity: Activity::default(),
        }
    }
}

/// An open TCP port; see [`Bound::listen`](crate::Bound::listen).
#[derive(Debug)]
pub struct TcpPort {
    listener: TcpListener,
    local: SocketAddr,
}

impl TcpPort {
    pub(crate) fn new(listener: TcpListener, local: SocketAddr) -> Self {
        Self { listener, local }
    }

    /// The address, with the port that the system chose if 0 was requested.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Listener for TcpPort {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<Connection<TcpStream>> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Ok(connection(stream, peer)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
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
    Connection::new(stream, Some(peer))
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
