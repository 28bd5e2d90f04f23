//! The warp filter that a request goes through.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use tower_service::Service as _;
use warp::Filter as _;
use warp::reply::Reply as _;

use crate::handler::Handler;
use crate::head::Head;
use crate::reply::{Body, Reply};

/// Responds to a request of which `http` has what [`Head::take`] has left.
///
/// One filter for all routes, and the handler's table says which route it is: so no request is
/// rejected on its way. It is made for each request, which costs nothing, and borrows the head: as
/// an extension of the request that would take four allocations.
pub(crate) async fn respond(
    handler: &Arc<Handler>,
    head: &Arc<Head>,
    http: Request<Incoming>,
) -> Result<warp::reply::Response, Infallible> {
    let respond = warp::body::stream()
        .then(|body| handler.handle(head, body))
        .map(response);
    warp::service(respond).call(http).await
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
