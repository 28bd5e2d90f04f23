//! The accept loop, the life of a connection, and the end of both.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use streeling_core::Unit;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::handler::State;
use crate::{Config, service};

/// How long to wait after the system could not give a connection, usually for want of file
/// descriptors: trying again at once would take a whole core.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// The time for a request's head where connections are not kept, so that silent ones go away.
const HEAD_WITHOUT_KEEPALIVE: Duration = Duration::from_secs(60);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut off because the grace was over.
    pub aborted: usize,
}

pub(crate) async fn serve(
    listener: TcpListener,
    config: &Config,
    unit: Unit,
    ready: watch::Receiver<bool>,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let connections = Connections {
        builder: builder(config.keepalive),
        service: service::service(State::new(config, unit, ready)),
    };
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
                    tasks.spawn(connections.run(stream, closing.clone()));
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
    drop(listener);
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

/// An error that says something about the connection that was to be accepted, not about us.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

fn builder(keepalive: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Hyper starts this clock when the last answer is out, so it also is the idle timeout.
    let head = if keepalive.is_zero() {
        HEAD_WITHOUT_KEEPALIVE
    } else {
        keepalive
    };
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .keep_alive(!keepalive.is_zero());
    builder
}

struct Connections<S> {
    builder: http1::Builder,
    service: S,
}

impl<S: service::Http> Connections<S> {
    /// The life of one connection.
    fn run(
        &self,
        stream: TcpStream,
        mut closing: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Answers are written whole, so waiting for more to send with them gains nothing.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), self.service.clone());
        async move {
            let mut connection = pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                // An error means that the accept loop is gone; closing is right then, too.
                _ = closing.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended");
            }
        }
    }
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
