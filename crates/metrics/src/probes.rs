//! The two probes.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

/// Whether requests can be taken, or why not, in a few words for a person.
pub type Readiness = Result<(), &'static str>;

/// Asked at every `/ready`.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// The answer to a request: `/live` is 200 as long as anything answers, `/ready` 200 or 503 with the
/// reason, any other path 404.
pub(crate) fn answer<B>(request: &Request<B>, ready: &Ready) -> Response<Full<Bytes>> {
    let readiness = match request.uri().path() {
        "/live" => Ok(()),
        "/ready" => ready(),
        _ => return text(StatusCode::NOT_FOUND, "not found\n".to_owned()),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "method not allowed\n".to_owned(),
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    match readiness {
        Ok(()) => text(StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {reason}\n"),
        ),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    // What was true a moment ago says nothing.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
