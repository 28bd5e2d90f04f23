//! What is spoken on a connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::coop::unconstrained;

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

    /// Polls `work` until it is done, or the server is ending: `None`.
    pub async fn until_started<F: Future>(&mut self, mut work: Pin<&mut F>) -> Option<F::Output> {
        let signal = self.0.clone();
        // It must have registered the task whenever it is pending.
        let mut started = pin!(unconstrained(self.started()));
        let mut is_registered = false;
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            // A connection is polled several times for each of its requests, always by the same
            // task, and registering takes a lock that all connections share.
            if is_registered && matches!(signal.has_changed(), Ok(false)) {
                return Poll::Pending;
            }
            is_registered = true;
            started.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}
