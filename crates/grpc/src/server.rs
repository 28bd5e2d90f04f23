//! The transport: the life of a connection.

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use streeling_core::{Account, Budget, Models, Observers};
use streeling_net::{Connection, Drain, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::handler::Handler;
use crate::health::Health;
use crate::idle::Unsent;
use crate::observe::Client;
use crate::protocol::Protocol;
use crate::router::Router;
use crate::standard::Standard;
use crate::{Config, preface};

/// Requests under way on one connection; an orchestrator sends all of its requests over one. More
/// wait at the client.
const STREAMS: u32 = 1024;

/// Bytes that a client may send ahead, in one request and in all of a connection together.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Bytes of all headers of a request.
const HEADERS: u32 = 64 * 1024;

/// How long a client may take at most to respond to a ping.
const PONG: Duration = Duration::from_secs(20);

/// How long a connection that was just opened may take to say something when the server ends.
const LAST_PREFACE: Duration = Duration::from_millis(200);

/// gRPC in front of models.
pub struct Grpc {
    builder: http2::Builder<TokioExecutor>,
    handler: Arc<Handler>,
    idle_timeout: Duration,
    health: Health,
    budget: Budget,
}

impl Grpc {
    /// Speaks these protocols.
    ///
    /// While `ready` is false, requests for a model get UNAVAILABLE, and the health service says
    /// `NOT_SERVING` (unless it follows [`Grpc::with_health`]); it says so again when the server
    /// drains.
    ///
    /// # Panics
    ///
    /// When a protocol's [descriptors](Protocol::descriptors) cannot be read.
    #[must_use]
    pub fn new(
        config: &Config,
        protocols: Vec<Arc<dyn Protocol>>,
        models: Models,
        observers: Observers,
        ready: watch::Receiver<bool>,
    ) -> Self {
        let router = Router::new(protocols);
        let (standard, reporter) = Standard::new(router.descriptors());
        let health = Health::new(reporter, router.services(), ready.clone());
        let handler = Handler::new(config, router, standard, models, observers, ready);
        Self {
            builder: builder(config.ping),
            handler: Arc::new(handler),
            idle_timeout: config.idle_timeout,
            health,
            budget: Budget::default(),
        }
    }

    /// Counts what requests take, and refuses those that do not fit.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Lets the health service follow `healthy`, where readiness does not say enough.
    #[must_use]
    pub fn with_health(mut self, healthy: watch::Receiver<bool>) -> Self {
        self.health.follow(healthy);
        self
    }
}

impl Transport for Grpc {
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.health.start();
        run(
            self.builder.clone(),
            connection,
            Arc::clone(&self.handler),
            self.budget.account(),
            self.idle_timeout,
            drain,
        )
    }

    fn drain(&self) {
        self.health.drain();
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

async fn run<Io>(
    builder: http2::Builder<TokioExecutor>,
    connection: Connection<Io>,
    handler: Arc<Handler>,
    account: Account,
    idle_timeout: Duration,
    mut drain: Drain,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Hyper has no clock for a client that says nothing, and a drain does not reach it.
    let too_late = async {
        drain.clone().started().await;
        sleep(LAST_PREFACE).await;
    };
    let io = tokio::select! {
        io = timeout(idle_timeout, preface::read(connection.io)) => io.unwrap_or(None),
        () = too_late => None,
    };
    let Some(io) = io else {
        return;
    };
    let client = Client {
        address: connection.peer,
        account,
        unsent: Unsent::default(),
    };
    let unsent = client.unsent.clone();
    let respond = service_fn(move |request| {
        let response = Arc::clone(&handler).handle(request, client.clone());
        async { Ok::<_, Infallible>(response.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(io), respond);
    let mut connection = pin!(connection);
    let whole = async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = drain.started() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    tokio::select! {
        result = whole => if let Err(error) = result {
            tracing::debug!(%error, "connection ended");
        },
        () = unsent.idle(idle_timeout) => tracing::warn!(
            "a client did not read its responses for {idle_timeout:?}, its connection is cut"
        ),
    }
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}
