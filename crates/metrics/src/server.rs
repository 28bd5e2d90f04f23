//! Connections of the metrics port.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::request::Parts;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use streeling_core::{Code, Outcome};
use streeling_net::{ActiveIo, Connection, Drain, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use warp::Filter as _;

use crate::pages::Pages;

/// How long a connection may be idle. Scrapers reuse theirs every few seconds to a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

impl Transport for Pages {
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        run(self.clone(), connection, drain)
    }
}

async fn run<Io>(pages: Pages, connection: Connection<Io>, mut drain: Drain)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection { io, peer, activity } = connection;
    let requests = activity.clone();
    let respond = {
        let pages = pages.clone();
        // The request's head comes as an extension, so that no path or header makes warp reject it.
        warp::ext::get::<Arc<Parts>>().then(move |head: Arc<Parts>| {
            let pages = pages.clone();
            async move { pages.respond(&head).await }
        })
    };
    let filter = TowerToHyperService::new(warp::service(respond));
    let service = service_fn(move |http: Request<Incoming>| {
        let busy = requests.request();
        let (head, body) = http.into_parts();
        let head = Arc::new(head);
        let guard = pages.observe(&head, peer);
        let mut http = Request::new(body);
        http.extensions_mut().insert(Arc::clone(&head));
        let response = filter.call(http);
        async move {
            let response = response.await?;
            guard.finish(&Outcome {
                code: Code {
                    is_fault: response.status().is_server_error(),
                    ..Code::numbered(response.status().as_u16())
                },
                bytes: response.body().size_hint().lower(),
            });
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT);
    let io = TokioIo::new(ActiveIo::new(io, activity.clone()));
    let mut connection = pin!(builder.serve_connection(io, service));
    let until_drain = async {
        tokio::select! {
            result = connection.as_mut() => Some(result),
            () = drain.started() => None,
        }
    };
    let ended = activity.until_shed(until_drain).await;
    let result = match ended {
        Some(Some(result)) => result,
        Some(None) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        // Who scrapes or probes comes again; that others get their turn matters more.
        None if activity.is_idle() => return,
        None => connection.await,
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
