//! The pages: the two probes, and what Prometheus scrapes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::Registry;
use crate::text::CONTENT_TYPE as PROMETHEUS;

/// Whether requests can be taken, or why not, in a few words for a person.
pub type Readiness = Result<(), &'static str>;

/// Asked at every `/ready`.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Pages {
    /// For `/ready`.
    pub ready: Ready,
    /// The path for Prometheus, with `/` at its start; the probes' own are not had.
    pub endpoint: Arc<str>,
    /// What is shown there.
    pub registry: Arc<Registry>,
}

enum Page {
    Probe(Readiness),
    Metrics,
}

/// The answer to a request: `/live` is 200 as long as anything answers, `/ready` 200 or 503 with the
/// reason, the endpoint 200, any other path 404.
pub(crate) async fn answer<B>(request: Request<B>, pages: Pages) -> Response<Full<Bytes>> {
    let page = match request.uri().path() {
        "/live" => Page::Probe(Ok(())),
        "/ready" => Page::Probe((pages.ready)()),
        path if path == &*pages.endpoint => Page::Metrics,
        _ => return text(StatusCode::NOT_FOUND, "not found\n"),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    match page {
        Page::Probe(Ok(())) => text(StatusCode::OK, "ok\n"),
        Page::Probe(Err(reason)) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {reason}\n"),
        ),
        Page::Metrics => {
            let mut response = text(StatusCode::OK, pages.registry.text().await);
            let kind = HeaderValue::from_static(PROMETHEUS);
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    // What was true a moment ago says nothing.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
