//! A listener in memory, so that a transport is tested without ports and with paused time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use streeling_net::{Connection, Listener};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Bytes that a side may be ahead of the other, as much as a socket takes.
const BUFFER: usize = 64 * 1024;

/// Where clients connect to a [`PipeListener`].
#[derive(Clone, Debug)]
pub struct Dialer(mpsc::UnboundedSender<DuplexStream>);

/// Gives the connections that were dialed.
#[derive(Debug)]
pub struct PipeListener {
    dialed: mpsc::UnboundedReceiver<DuplexStream>,
}

/// A connected pair.
#[must_use]
pub fn pipe() -> (Dialer, PipeListener) {
    let (sender, dialed) = mpsc::unbounded_channel();
    (Dialer(sender), PipeListener { dialed })
}

impl Dialer {
    /// A new connection; `None` when the listener is closed.
    #[must_use]
    pub fn connect(&self) -> Option<DuplexStream> {
        let (ours, theirs) = duplex(BUFFER);
        self.0.send(theirs).ok().map(|()| ours)
    }
}

impl Listener for PipeListener {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Connection<DuplexStream>> {
        match self.dialed.recv().await {
            Some(io) => Ok(connection(io)),
            // All dialers are gone.
            None => std::future::pending().await,
        }
    }

    fn close(mut self) -> Vec<Connection<DuplexStream>> {
        self.dialed.close();
        std::iter::from_fn(|| self.dialed.try_recv().ok())
            .map(connection)
            .collect()
    }
}

fn connection(io: DuplexStream) -> Connection<DuplexStream> {
    Connection::new(io, Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))))
}
