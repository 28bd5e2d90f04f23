//! Connections of the metrics port.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use streeling_net::{Closing, Drained, Listening};
use tokio::net::TcpStream;

use crate::pages::{self, Pages};

/// How long a connection may be idle. Scrapers reuse theirs every few seconds to a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

pub(crate) async fn serve(
    port: Listening,
    pages: Pages,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT);
    port.serve(
        |stream, closing| connection(&builder, stream, closing, &pages),
        shutdown,
    )
    .await
}

fn connection(
    builder: &http1::Builder,
    stream: TcpStream,
    mut closing: Closing,
    pages: &Pages,
) -> impl Future<Output = ()> + Send + 'static {
    let pages = pages.clone();
    let peer = stream.peer_addr().ok();
    let service = service_fn(move |request| {
        let response = pages::serve(request, peer, pages.clone());
        async { Ok::<_, Infallible>(response.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
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
