//! The warp filter, as the service that a connection drives.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::future;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use streeling_core::Call;
use warp::Filter;

use crate::form::ContentType;
use crate::handler::{Head, State};
use crate::reply::Preflight;

/// A service that answers HTTP requests, one clone for each connection.
pub(crate) trait Http:
    Service<
        Request<Incoming>,
        Response = Response<Self::Answer>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    type Answer: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;
}

impl<S, B> Http for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Answer = B;
}

/// One chain of filters that takes from a request what the handler needs and rejects nothing;
/// which route it is, the table says. A request brings its [`Call`] as an extension.
pub(crate) fn service(state: Arc<State>) -> impl Http {
    let query = warp::query::raw()
        .map(Some)
        .or_else(|_| future::ok::<_, Infallible>((None,)));
    let content_type = warp::header::optional::<ContentType>("content-type")
        .or_else(|_| future::ok::<_, Infallible>((Some(ContentType::Other),)));
    let length = warp::header::optional::<u64>("content-length")
        .or_else(|_| future::ok::<_, Infallible>((None,)));
    let expects = has("expect");
    let preflight = has("access-control-request-method")
        .and(
            warp::header::optional::<String>("access-control-request-headers")
                .or_else(|_| future::ok::<_, Infallible>((None,))),
        )
        .map(|asked, headers| Preflight { asked, headers });
    let head = warp::method()
        .and(warp::path::full())
        .and(query)
        .and(content_type)
        .and(length)
        .and(expects)
        .and(preflight)
        .map(
            |verb, path, query, content_type, length, expects, preflight| Head {
                verb,
                path,
                query,
                content_type,
                length,
                expects,
                preflight,
            },
        );
    let answer = head
        .and(warp::ext::get::<Arc<Call>>())
        .and(warp::body::stream())
        .then(move |head, call, body| Arc::clone(&state).handle(head, call, body));
    TowerToHyperService::new(warp::service(answer))
}

/// Whether a header is there, whatever it says.
fn has(name: &'static str) -> impl Filter<Extract = (bool,), Error = Infallible> + Copy {
    warp::header::optional::<Present>(name)
        .map(|present: Option<Present>| present.is_some())
        .or_else(|_| future::ok((true,)))
}

/// A header whose value does not matter.
struct Present;

impl FromStr for Present {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}
