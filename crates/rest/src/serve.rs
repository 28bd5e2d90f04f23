//! The life of a connection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use streeling_core::{Observers, Unit};
use streeling_net::{Closing, Drained, Listening};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::handler::State;
use crate::observe::{self, Client};
use crate::{Config, service};

/// The time for a request's head where connections are not kept, so that silent ones go away.
const HEAD_WITHOUT_KEEPALIVE: Duration = Duration::from_secs(60);

/// How long a connection stays open for a request that was sent before its client could know that the
/// server ends; the answer says that it is the last one. HTTP/1.1 has no other way to tell.
const LAST_REQUEST: Duration = Duration::from_millis(200);

pub(crate) async fn serve(
    port: Listening,
    config: &Config,
    unit: Unit,
    ready: watch::Receiver<bool>,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let connections = Connections {
        builder: builder(config.keepalive),
        observers: unit.observers().clone(),
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
    observers: Observers,
    service: S,
}

impl<S: service::Http> Connections<S> {
    fn run(
        &self,
        stream: TcpStream,
        mut closing: Closing,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (service, end) = (self.service.clone(), closing.clone());
        let client = Client {
            observers: self.observers.clone(),
            address: stream.peer_addr().ok(),
        };
        let answers = service_fn(move |mut request| {
            let (watched, verb) = (client.begin(&mut request), request.method().clone());
            let answer = Arc::clone(watched.call()).scope(service.call(request));
            let end = end.clone();
            async move {
                let mut answer = answer.await?;
                observe::end(watched, &verb, &answer);
                // The port is closed by now: whoever comes again is refused, not cut off.
                if end.is_asked() {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), answers);
        async move {
            let mut connection = pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = closing.asked() => match timeout(LAST_REQUEST, connection.as_mut()).await {
                    Ok(result) => result,
                    Err(_) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                },
            };
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended");
            }
        }
    }
}
