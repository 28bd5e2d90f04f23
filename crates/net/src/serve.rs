//! The accept loop, and the end of the connections that it started.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::listener::{Connection, Listener};
use crate::transport::{Drain, Transport};

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut off because the grace was over.
    pub aborted: usize,
}

/// Handles the connections of `listener`, each in a task of its own, until `shutdown` is ready.
/// Then it closes the listener, tells the connections to drain, and gives them at most as long as
/// `shutdown` says.
pub async fn serve<L: Listener>(
    mut listener: L,
    transport: impl Transport,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let (start_drain, drain) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let handle = |connection: Connection<L::Io>, tasks: &mut JoinSet<()>| {
        tasks.spawn(transport.handle(connection, Drain::new(drain.clone())));
    };
    let mut shutdown = pin!(shutdown);
    let grace = loop {
        tokio::select! {
            biased;
            grace = &mut shutdown => break grace,
            connection = listener.accept() => handle(connection, &mut tasks),
        }
        // Tasks that ended keep their place in the set until they are taken out.
        while tasks.try_join_next().is_some() {}
    };
    transport.drain();
    // What the kernel has accepted for us already would be reset otherwise.
    for connection in listener.close() {
        handle(connection, &mut tasks);
    }
    // There is no receiver when there is no connection.
    let _ = start_drain.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_ok() {
        return Drained { aborted: 0 };
    }
    let aborted = tasks.len();
    tracing::warn!(aborted, "connections cut off, the grace is over");
    tasks.shutdown().await;
    Drained { aborted }
}
