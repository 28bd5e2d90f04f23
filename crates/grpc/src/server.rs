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
use streeling_net::{ActiveIo, Connection, Cut, Drain, Seldom, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::flood::Frames;
use crate::handler::Handler;
use crate::health::Health;
use crate::idle::Unsent;
use crate::observe::Client;
use crate::protocol::Protocol;
use crate::router::Router;
use crate::standard::Standard;
use crate::{Config, preface};

/// Bytes that a client may send ahead, in one request and in all of a connection together.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Bytes of all headers of a request at most: they are there before anything is charged.
const HEADERS: u32 = 64 * 1024;

/// How long a client may take at most to respond to a ping.
const PONG: Duration = Duration::from_secs(20);

/// How long a connection that was just opened may take to say something when the server ends.
const LAST_PREFACE: Duration = Duration::from_millis(200);

/// How long a connection that is to end stays open for a request that was sent before its client
/// could know, and for the client to say that it knows.
const LAST_REQUEST: Duration = Duration::from_millis(500);

/// gRPC in front of models.
pub struct Grpc {
    builder: http2::Builder<TokioExecutor>,
    handler: Arc<Handler>,
    idle_timeout: Duration,
    max_streams: u32,
    floods: Arc<Seldom>,
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
            builder: builder(config),
            max_streams: config.max_streams,
            floods: Arc::default(),
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
        let served = Served {
            builder: self.builder.clone(),
            handler: Arc::clone(&self.handler),
            account: self.budget.account(),
            idle_timeout: self.idle_timeout,
            max_streams: self.max_streams,
            floods: Arc::clone(&self.floods),
        };
        served.run(connection, drain)
    }

    fn drain(&self) {
        self.health.drain();
    }
}

fn builder(config: &Config) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(config.max_streams)
        .auto_date_header(false)
        .max_header_list_size(HEADERS.min(u32::try_from(config.max_head_size).unwrap_or(HEADERS)))
        .keep_alive_interval(config.ping)
        .keep_alive_timeout(config.ping.min(PONG));
    builder
}

/// What a connection is served with.
struct Served {
    builder: http2::Builder<TokioExecutor>,
    handler: Arc<Handler>,
    account: Account,
    idle_timeout: Duration,
    max_streams: u32,
    floods: Arc<Seldom>,
}

impl Served {
    async fn run<Io>(self, connection: Connection<Io>, mut drain: Drain)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Connection {
            io, peer, activity, ..
        } = connection;
        let io = ActiveIo::new(io, activity.clone());
        // Hyper has no clock for a client that says nothing, and a drain does not reach it.
        let too_late = async {
            drain.clone().started().await;
            sleep(LAST_PREFACE).await;
        };
        let opened = async {
            tokio::select! {
                io = timeout(self.idle_timeout, preface::read(io)) => io.unwrap_or(None),
                () = too_late => None,
            }
        };
        let Some(Some(io)) = activity.until_shed(opened).await else {
            return;
        };
        let io = Frames::new(
            io,
            preface::LENGTH,
            self.max_streams,
            activity.clone(),
            self.floods,
        );
        let client = Client {
            address: peer,
            account: self.account,
            unsent: Unsent::new(activity.clone()),
            drain: drain.clone(),
        };
        let unsent = client.unsent.clone();
        let handler = self.handler;
        let requests = activity.clone();
        let respond = service_fn(move |request| {
            let busy = requests.request();
            let response = Arc::clone(&handler).handle(request, client.clone());
            async move {
                let response = response.await;
                drop(busy);
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(io), respond);
        let mut connection = pin!(connection);
        let whole = async {
            let until_drain = drain.until_started(connection.as_mut());
            if let Some(Some(result)) = activity.until_shed(until_drain).await {
                return result;
            }
            connection.as_mut().graceful_shutdown();
            let ended = activity.until_idle(connection.as_mut(), LAST_REQUEST);
            ended.await.unwrap_or(Ok(()))
        };
        tokio::select! {
            result = whole => if let Err(error) = result {
                tracing::debug!(%error, "connection ended");
            },
            () = unsent.idle(self.idle_timeout) => {
                activity.cut(Cut::Unread);
                tracing::warn!(
                    "a client did not read its responses for {:?}, its connection is cut",
                    self.idle_timeout
                );
            }
        }
    }
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}
