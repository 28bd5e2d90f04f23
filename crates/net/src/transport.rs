//! What is spoken on a connection.

use std::future::Future;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::listener::Connection;

/// Handles connections; [`serve`](crate::serve) gives it each that comes.
pub trait Transport: Send + Sync {
    /// Handles a connection from its first byte to its last. When `drain` starts it finishes what
    /// is under way and takes nothing new.
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The server ends: called once, before the connections drain.
    fn drain(&self) {}
}

/// Tells a connection that the server is ending.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    pub(crate) fn new(started: watch::Receiver<bool>) -> Self {
        Self(started)
    }

    /// Whether the server is ending; its listener is closed then.
    #[must_use]
    pub fn has_started(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the connection is to finish what is under way and take nothing new.
    pub async fn started(&mut self) {
        // An error means that the accept loop is gone; draining is right then, too.
        let _ = self.0.wait_for(|started| *started).await;
    }
}
