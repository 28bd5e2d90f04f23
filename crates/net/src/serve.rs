//! The accept loop, and the end of the connections that it started.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connections::Connections;
use crate::listener::{Connection, Listener};
use crate::seldom::Seldom;
use crate::transport::{Drain, Transport};

/// How long to wait after the system could not give a connection, usually for want of file
/// descriptors: trying again at once would take a whole core.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

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
    listener: L,
    transport: impl Transport,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    serve_within(Connections::default(), listener, transport, shutdown).await
}

/// The same, with no more connections than `connections` may be. One more waits, and so do those
/// behind it in the kernel's queue, until another has ended.
pub async fn serve_within<L: Listener>(
    connections: Connections,
    mut listener: L,
    transport: impl Transport,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let (start_drain, drain) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let handle = |mut connection: Connection<L::Io>, tasks: &mut JoinSet<()>| {
        let (activity, registered) = connections.register();
        connection.activity = activity;
        let handled = transport.handle(connection, Drain::new(drain.clone()));
        tasks.spawn(async move {
            let _registered = registered;
            handled.await;
        });
    };
    let failures = Seldom::default();
    let mut shutdown = pin!(shutdown);
    let mut waiting = None;
    let grace = loop {
        tokio::select! {
            biased;
            grace = &mut shutdown => break grace,
            accepted = next(&mut listener, &mut waiting, &connections) => match accepted {
                Ok(connection) => handle(connection, &mut tasks),
                Err(error) => {
                    cannot_accept(&error, &connections, &failures);
                    tokio::select! {
                        biased;
                        grace = &mut shutdown => break grace,
                        () = sleep(ACCEPT_BACKOFF) => {}
                    }
                }
            },
            // A task that has ended keeps its memory, some kilobytes, until it is taken out.
            Some(_) = tasks.join_next() => while tasks.try_join_next().is_some() {},
        }
    };
    transport.drain();
    // What the kernel has accepted for us already would be reset otherwise.
    for connection in waiting.into_iter().chain(listener.close()) {
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

/// The next connection that there is room for. One that there is none for yet stays in `waiting`,
/// where a future that is dropped does not lose it.
async fn next<L: Listener>(
    listener: &mut L,
    waiting: &mut Option<Connection<L::Io>>,
    connections: &Connections,
) -> io::Result<Connection<L::Io>> {
    loop {
        if waiting.is_some() {
            connections.room().await;
            if let Some(connection) = waiting.take() {
                return Ok(connection);
            }
        }
        *waiting = Some(listener.accept().await?);
    }
}

/// The system cannot give connections now. Those that are idle give their descriptors back.
fn cannot_accept(error: &io::Error, connections: &Connections, failures: &Seldom) {
    connections.counts().failed();
    connections.shed();
    let Some(more) = failures.now() else {
        return;
    };
    let name = connections.name();
    let why = match Errno::from_io_error(error) {
        Some(Errno::MFILE) => "the process has no file descriptor left (EMFILE; see ulimit -n)",
        Some(Errno::NFILE) => "the machine has no file descriptor left (ENFILE)",
        Some(Errno::NOMEM) => "the kernel has no memory for them (ENOMEM)",
        Some(Errno::NOBUFS) => "the kernel has no memory for them (ENOBUFS)",
        _ => "the system refuses",
    };
    tracing::error!(
        %error,
        more,
        "cannot accept connections on the {name} port: {why}; trying again every \
         {ACCEPT_BACKOFF:?}"
    );
}
