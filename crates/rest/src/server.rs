//! The transport: the life of a connection.

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Method};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use streeling_core::{Models, Observers};
use streeling_net::{ActiveIo, Connection, Drain, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use crate::Config;
use crate::filter;
use crate::handler::Handler;
use crate::head::Head;
use crate::observe::{self, Client};
use crate::pace::{Comer, Pace};
use crate::portions::Portions;
use crate::protocol::Protocol;
use crate::timer::Timer;

/// The time for a request's head where connections are not kept, so that silent ones go away.
const HEAD_WITHOUT_KEEPALIVE: Duration = Duration::from_secs(60);

/// How long a connection stays open for a request that was sent before its client could know that
/// the server ends; the response says that it is the last one. HTTP/1.1 has no other way to tell.
const LAST_REQUEST: Duration = Duration::from_millis(200);

/// HTTP/1.1 in front of models.
pub struct Rest {
    builder: http1::Builder,
    handler: Arc<Handler>,
    observers: Observers,
    pace: Arc<Pace>,
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
            builder: builder(config.keepalive),
            handler: Arc::new(Handler::new(config, protocols, models, ready)),
            observers,
            pace: Arc::new(Pace::new()),
        }
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
        };
        let handler = Arc::clone(&self.handler);
        let mut builder = self.builder.clone();
        builder.timer(Timer::default());
        let comer = Comer::new(Arc::clone(&self.pace));
        run(builder, connection, client, comer, handler, drain)
    }
}

fn builder(keepalive: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
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
    client: Client,
    comer: Comer,
    handler: Arc<Handler>,
    mut drain: Drain,
) {
    let Connection { io, activity, .. } = connection;
    let requests = activity.clone();
    // Of what its requests need, each takes one handle.
    let shared = Arc::new((client, comer, handler, drain.clone()));
    let respond = service_fn(move |mut http| {
        let busy = requests.request();
        let shared = Arc::clone(&shared);
        let (client, comer, handler, _) = &*shared;
        let turn = comer.turn(&http);
        let guard = client.start(&http);
        let request = Arc::clone(guard.request());
        let mut head = Head::take(&mut http, Arc::clone(&request), client.address);
        handler.check(&mut head);
        async move {
            let (_, comer, handler, drain) = &*shared;
            if let Some(turn) = turn {
                // The timer is large, and few requests have one.
                Box::pin(sleep_until(turn)).await;
            }
            let has_body = head.verb != Method::HEAD;
            let head = Arc::new(head);
            let response = request.scope(filter::respond(handler, &head, http));
            let mut response = response.await?;
            comer.responded(&response);
            observe::finish(guard, has_body, &response);
            // The port is closed by now: a client that comes again is refused, not cut off.
            if drain.has_started() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let io = Portions::new(ActiveIo::new(io, activity.clone()));
    let connection = builder.serve_connection(TokioIo::new(io), respond);
    let mut connection = pin!(connection);
    let ended = activity
        .until_shed(drain.until_started(connection.as_mut()))
        .await;
    let result = match ended {
        Some(Some(result)) => result,
        Some(None) => match timeout(LAST_REQUEST, connection.as_mut()).await {
            Ok(result) => result,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
        None => {
            connection.as_mut().graceful_shutdown();
            loop {
                match timeout(LAST_REQUEST, connection.as_mut()).await {
                    Ok(result) => break result,
                    // A part of a head is no request.
                    Err(_) if activity.is_idle() => break Ok(()),
                    Err(_) => {}
                }
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}
