//! The accept loop, and the end of what it started.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// How long to wait after the system could not give a connection, usually for want of file
/// descriptors: trying again at once would take a whole core.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut off because the grace was over.
    pub aborted: usize,
}

/// Tells a connection that the server is ending.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Whether the server is ending; its port is closed then.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the connection is to finish what is under way and take nothing new.
    pub async fn asked(&mut self) {
        // An error means that the accept loop is gone; closing is right then, too.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}

pub(crate) async fn serve<C>(
    listener: TcpListener,
    connection: impl Fn(TcpStream, Closing) -> C + Send,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained
where
    C: Future<Output = ()> + Send + 'static,
{
    let (close, closing) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut complaints = Complaints::default();
    let mut shutdown = pin!(shutdown);
    let grace = loop {
        tokio::select! {
            biased;
            grace = &mut shutdown => break grace,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Answers are written whole, so waiting for more to send with them gains nothing.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot set TCP_NODELAY");
                    }
                    tasks.spawn(connection(stream, Closing(closing.clone())));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    complaints.accept(&error);
                    sleep(ACCEPT_BACKOFF).await;
                }
            },
        }
        // Tasks that ended keep their slot until they are taken out.
        while tasks.try_join_next().is_some() {}
    };
    // What the kernel has accepted for us already would be reset otherwise.
    for stream in waiting(listener) {
        tasks.spawn(connection(stream, Closing(closing.clone())));
    }
    // No receiver is left when no connection is: nothing to tell then.
    let _ = close.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_ok() {
        return Drained { aborted: 0 };
    }
    let aborted = tasks.len();
    tracing::warn!(aborted, "connections cut off, the grace is over");
    tasks.shutdown().await;
    Drained { aborted }
}

/// The connections that the kernel holds for a port; the port is closed after.
fn waiting(listener: TcpListener) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    let Ok(listener) = listener.into_std() else {
        return streams;
    };
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let ready = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_nonblocking(true));
                streams.extend(ready.and_then(|()| TcpStream::from_std(stream)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return streams,
        }
    }
}

/// An error that says something about the connection that was to be accepted, not about us.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Says at most once a second what keeps going wrong.
#[derive(Default)]
struct Complaints {
    last: Option<Instant>,
    silent: usize,
}

impl Complaints {
    fn accept(&mut self, error: &io::Error) {
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
