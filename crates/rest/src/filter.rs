//! The warp filter that a connection drives.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use warp::Filter;
use warp::reply::Reply as _;

use crate::handler::Handler;
use crate::head::Head;
use crate::reply::{Body, Reply};

/// A service that responds to HTTP requests, one clone for each connection.
pub(crate) trait Http:
    Service<
        Request<Incoming>,
        Response = Response<Self::Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
    type Body: HttpBody<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;
}

impl<S, B> Http for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Body = B;
}

/// One filter for all routes: the request brings its [`Head`] as an extension, and the handler's
/// table says which route it is. So no request is rejected on its way.
pub(crate) fn service(handler: Arc<Handler>) -> impl Http {
    let respond = warp::ext::get::<Arc<Head>>()
        .and(warp::body::stream())
        .then(move |head, body| Arc::clone(&handler).handle(head, body))
        .map(response);
    TowerToHyperService::new(warp::service(respond))
}

fn response(reply: Reply) -> warp::reply::Response {
    let (head, body) = reply.into_parts();
    match body {
        Body::Whole(bytes) => Response::from_parts(head, bytes).into_response(),
        Body::Stream(pieces) => {
            let (_, body) = warp::reply::stream(pieces).into_response().into_parts();
            Response::from_parts(head, body)
        }
    }
}
