//! The transport: the life of a connection.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Method, Request};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use streeling_core::{Budget, Models, Observers};
use streeling_net::{ActiveIo, Activity, Connection, Cut, Drain, Transport, WriteClock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use crate::Config;
use crate::cuts;
use crate::framing::Framing;
use crate::handler::Handler;
use crate::head::Head;
use crate::observe::{self, Client};
use crate::pace::{Comer, Pace};
use crate::portions::Portions;
use crate::protocol::Protocol;
use crate::timer::Timer;

/// The time for a request's head where connections are not kept, so that silent ones go away.
const HEAD_WITHOUT_KEEPALIVE: Duration = Duration::from_secs(60);

/// Headers that hyper takes unless it is configured.
const HEADERS: usize = 100;

/// How long a connection stays open for a request that was sent before its client could know that
/// the server ends; the response says that it is the last one. HTTP/1.1 has no other way to tell.
const LAST_REQUEST: Duration = Duration::from_millis(200);

/// HTTP/1.1 in front of models.
pub struct Rest {
    builder: http1::Builder,
    handler: Arc<Handler>,
    observers: Observers,
    budget: Budget,
    pace: Arc<Pace>,
    clocks: Clocks,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    head: Duration,
    write: Duration,
}

impl Rest {
    /// Speaks these protocols, at least one; the first responds where no route is found.
    ///
    /// While `ready` is false, requests for a model get 503; pages are served all the same.
    ///
    /// # Panics
    ///
    /// When there is no protocol.
    #[must_use]
    pub fn new(
        config: &Config,
        protocols: Vec<Arc<dyn Protocol>>,
        models: Models,
        observers: Observers,
        ready: watch::Receiver<bool>,
    ) -> Self {
        assert!(!protocols.is_empty(), "a server without a protocol");
        Self {
            builder: builder(config),
            handler: Arc::new(Handler::new(config, protocols, models, ready)),
            observers,
            budget: Budget::default(),
            pace: Arc::new(Pace::new()),
            clocks: Clocks {
                head: config.head_timeout,
                write: config.write_timeout,
            },
        }
    }

    /// Counts what requests take, and refuses those that do not fit.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }
}

impl Transport for Rest {
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let client = Client {
            observers: self.observers.clone(),
            address: connection.peer,
            account: self.budget.account(),
        };
        let handler = Arc::clone(&self.handler);
        let mut builder = self.builder.clone();
        builder.timer(Timer::default());
        let comer = Comer::new(Arc::clone(&self.pace));
        run(
            builder,
            connection,
            self.clocks,
            client,
            comer,
            handler,
            drain,
        )
    }
}

fn builder(config: &Config) -> http1::Builder {
    let keepalive = config.keepalive;
    let mut builder = http1::Builder::new();
    builder.max_header_size(config.max_head_size);
    // Hyper has room for so many unless it is configured.
    if config.max_headers != HEADERS {
        builder.max_headers(config.max_headers);
    }
    // Hyper starts this clock when the last response is out, so it also is the idle timeout.
    let head = if keepalive.is_zero() {
        HEAD_WITHOUT_KEEPALIVE
    } else {
        keepalive
    };
    builder
        .header_read_timeout(head)
        .keep_alive(!keepalive.is_zero());
    builder
}

async fn run(
    builder: http1::Builder,
    connection: Connection<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    clocks: Clocks,
    client: Client,
    comer: Comer,
    handler: Arc<Handler>,
    mut drain: Drain,
) {
    let Connection { io, activity, .. } = connection;
    let requests = activity.clone();
    let peer = client.address;
    let framing = Framing::new();
    let verdict = framing.verdict();
    let heads = Cell::new(0);
    // Of what its requests need, each takes one handle.
    let shared = Arc::new((client, comer, handler, drain.clone()));
    let respond = service_fn(move |http: Request<Incoming>| {
        let busy = requests.request();
        let shared = Arc::clone(&shared);
        let (client, comer, handler, _) = &*shared;
        let turn = comer.turn(&http);
        let guard = client.start(&http);
        let fault = verdict.of(heads.replace(heads.get() + 1));
        if fault.is_some() {
            requests.cut(Cut::Head);
        }
        // Taken apart before there is a future, which would be moved with all of it.
        let (mut head, body) = Head::take(http, Arc::clone(guard.request()), client, fault);
        handler.check(&mut head);
        let (head, body) = (Arc::new(head), BodyDataStream::new(body));
        async move {
            let (_, comer, handler, drain) = &*shared;
            if let Some(turn) = turn {
                // The timer is large, and few requests have one.
                Box::pin(sleep_until(turn)).await;
            }
            let request = Arc::clone(&head.request);
            let response = request.scope(handler.handle(&head, body)).await;
            let mut response = handler.pack(&head, response).await;
            comer.responded(&response);
            observe::finish(guard, head.verb != Method::HEAD, &response);
            // Of a refused head it is not sure where its request ends. And while the server drains,
            // the port is closed: a client that comes again is refused, not cut off.
            if fault.is_some() || drain.has_started() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let io = WriteClock::new(ActiveIo::new(io, activity.clone()), clocks.write);
    let io = Portions::new(io, framing, clocks.head);
    let connection = builder.serve_connection(TokioIo::new(io), respond);
    let mut connection = pin!(connection);
    let until_drain = drain.until_started(connection.as_mut());
    let ended = match activity.until_shed(until_drain).await {
        Some(Some(result)) => Some(result),
        Some(None) => timeout(LAST_REQUEST, connection.as_mut()).await.ok(),
        None => None,
    };
    let result = match ended {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            // A part of a head is no request.
            let ended = activity.until_idle(connection.as_mut(), LAST_REQUEST);
            ended.await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        end(&error, &activity, peer);
    }
}

/// Says why a connection has ended.
fn end(error: &hyper::Error, activity: &Activity, peer: Option<SocketAddr>) {
    let cut = cuts::of(error);
    if let Some(reason) = cut {
        activity.cut(reason);
    }
    match cut {
        Some(Cut::Unread) => tracing::warn!(
            client = peer.map(tracing::field::display),
            "a client did not read its response, its connection is cut (--write-timeout)"
        ),
        _ => tracing::debug!(error = cuts::chain(error), "connection ended"),
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}
