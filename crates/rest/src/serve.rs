//! The life of a connection.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use streeling_core::Unit;
use streeling_net::{Closing, Drained, Listening};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::handler::State;
use crate::{Config, service};

/// The time for a request's head where connections are not kept, so that silent ones go away.
const HEAD_WITHOUT_KEEPALIVE: Duration = Duration::from_secs(60);

pub(crate) async fn serve(
    port: Listening,
    config: &Config,
    unit: Unit,
    ready: watch::Receiver<bool>,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let connections = Connections {
        builder: builder(config.keepalive),
        service: service::service(State::new(config, unit, ready)),
    };
    port.serve(|stream, closing| connections.run(stream, closing), shutdown)
        .await
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
    fn run(
        &self,
        stream: TcpStream,
        mut closing: Closing,
    ) -> impl Future<Output = ()> + Send + 'static {
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), self.service.clone());
        async move {
            let mut connection = pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = closing.asked() => {
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
