//! The life of a connection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use streeling_core::Unit;
use streeling_net::{Closing, Drained, Listening};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::Config;
use crate::handler::State;
use crate::observe::Client;
use crate::stall::Unsent;
use crate::standard::Standard;

/// Requests under way on one connection; an orchestrator sends all of its requests over one. More wait at
/// the client.
const STREAMS: u32 = 1024;

/// Bytes that a client may send ahead, in one request and in all of a connection together.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Bytes of all headers of a request.
const HEADERS: u32 = 64 * 1024;

/// How long a client may take at most to answer whether it is still there.
const PONG: Duration = Duration::from_secs(20);

/// What requests and what the health service follow.
pub(crate) struct Ready {
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) healthy: watch::Receiver<bool>,
}

/// How long a connection that was just opened may take to say something when the server ends.
const LAST_GREETING: Duration = Duration::from_millis(200);

pub(crate) async fn serve(
    port: Listening,
    config: &Config,
    unit: Unit,
    Ready { ready, healthy }: Ready,
    shutdown: impl Future<Output = Duration> + Send,
) -> Drained {
    let (draining, is_draining) = watch::channel(false);
    let (standard, health) = Standard::new(healthy, is_draining);
    let connections = Connections {
        builder: builder(config.ping),
        state: State::new(config, unit, ready, standard),
        stall: config.stall,
    };
    let shutdown = async {
        let grace = shutdown.await;
        draining.send_replace(true);
        grace
    };
    let serving = port.serve(|stream, closing| connections.run(stream, closing), shutdown);
    tokio::select! {
        drained = serving => drained,
        never = health => match never {},
    }
}

fn builder(ping: Duration) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS)
        .auto_date_header(false)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(ping)
        .keep_alive_timeout(ping.min(PONG));
    builder
}

/// Waits until the client has said that it speaks HTTP/2; what it says instead is for hyper to refuse.
async fn greeting(stream: &TcpStream) -> bool {
    const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
    let mut seen = [0; PREFACE];
    loop {
        match stream.peek(&mut seen).await {
            Ok(0) | Err(_) => return false,
            Ok(PREFACE) => return true,
            // It came in pieces, which nobody does.
            Ok(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

struct Connections {
    builder: http2::Builder<TokioExecutor>,
    state: Arc<State>,
    stall: Duration,
}

impl Connections {
    fn run(
        &self,
        stream: TcpStream,
        mut closing: Closing,
    ) -> impl Future<Output = ()> + Send + 'static {
        let unsent = Unsent::default();
        let answers = {
            let state = Arc::clone(&self.state);
            let client = Client {
                address: stream.peer_addr().ok(),
                unsent: unsent.clone(),
            };
            service_fn(move |request| {
                let answer = Arc::clone(&state).handle(request, client.clone());
                async { Ok::<_, Infallible>(answer.await) }
            })
        };
        let builder = self.builder.clone();
        let stall = self.stall;
        async move {
            // Hyper has no clock for a client that says nothing, and a drain does not reach it.
            let too_late = async {
                closing.clone().asked().await;
                sleep(LAST_GREETING).await;
            };
            let greeted = tokio::select! {
                greeted = timeout(stall, greeting(&stream)) => greeted.unwrap_or(false),
                () = too_late => false,
            };
            if !greeted {
                return;
            }
            let connection = builder.serve_connection(TokioIo::new(stream), answers);
            let mut connection = pin!(connection);
            let whole = async {
                tokio::select! {
                    result = connection.as_mut() => result,
                    () = closing.asked() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            };
            tokio::select! {
                result = whole => if let Err(error) = result {
                    tracing::debug!(%error, "connection ended");
                },
                () = unsent.stalled(stall) => {
                    tracing::warn!("a client did not read its answers for {stall:?}, its connection is cut");
                }
            }
        }
    }
}
