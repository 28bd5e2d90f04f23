//! The pages of the metrics port: the two probes, the scrape, and what is inside the server.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode, Version};
use streeling_core::{Code, Observers, RequestGuard, RequestInfo, Transport};

use crate::registry::Registry;
use crate::text::Format;

/// Whether the server accepts requests, or why not, in a few words.
pub type Readiness = Result<(), &'static str>;

/// Called at every request for `/ready`.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Called at every request for `/debug/requests`; returns JSON.
pub type RequestsPage = Arc<dyn Fn() -> String + Send + Sync>;

/// What the metrics port serves.
#[derive(Clone)]
pub struct Pages {
    /// The state that `/ready` reports.
    pub ready: Ready,
    /// The path of the scrape, which starts with `/`. It does not replace those of the probes.
    pub endpoint: Arc<str>,
    /// The metrics.
    pub registry: Arc<Registry>,
    /// The observers of requests to this port.
    pub observers: Observers,
    /// What is inside the server now, for `/debug/requests`; without it there is no such page.
    pub requests: Option<RequestsPage>,
}

/// How observers see this port.
static METRICS: Transport = Transport {
    name: "metrics",
    abandoned: Code::numbered(499),
    id_headers: &["x-request-id"],
};

enum Page {
    Probe(Readiness),
    Metrics,
    Requests(RequestsPage),
}

impl Pages {
    /// A request from `peer` has come; the observers follow it from here on.
    pub(crate) fn observe(&self, head: &Parts, peer: Option<SocketAddr>) -> RequestGuard {
        let text = |name: &str| std::str::from_utf8(head.headers.get(name)?.as_bytes()).ok();
        let info = || RequestInfo {
            method: RequestInfo::method(head.method.as_str()),
            target: head.uri.to_string(),
            protocol: match head.version {
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            host: text("host").map(str::to_owned),
            peer,
            referer: text("referer").map(str::to_owned),
            agent: text("user-agent").map(str::to_owned),
        };
        self.observers.start(&METRICS, &text, info)
    }

    /// The response to a request: 200 for `/live`, 200 or 503 with the reason for `/ready`, 200 for
    /// the endpoint and for `/debug/requests` where there is one, 404 for any other path.
    pub(crate) async fn respond(&self, head: &Parts) -> Response<Bytes> {
        let page = match (head.uri.path(), &self.requests) {
            ("/live", _) => Page::Probe(Ok(())),
            ("/ready", _) => Page::Probe((self.ready)()),
            (path, _) if path == &*self.endpoint => Page::Metrics,
            ("/debug/requests", Some(requests)) => Page::Requests(Arc::clone(requests)),
            _ => return text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if !matches!(head.method, Method::GET | Method::HEAD) {
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
            Page::Requests(requests) => {
                let mut response = text(StatusCode::OK, requests());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
            Page::Metrics => {
                let format = accepted(&head.headers);
                let mut response = text(StatusCode::OK, self.registry.text(format).await);
                let kind = HeaderValue::from_static(format.content_type());
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
        }
    }
}

/// The format that the client prefers: OpenMetrics where its weight is above that of plain text, or
/// equal and it is named first.
fn accepted(headers: &HeaderMap) -> Format {
    let mut best = (Format::Prometheus, 0.0);
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values.filter_map(|value| value.to_str().ok());
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next() {
            Some("application/openmetrics-text") => Format::OpenMetrics,
            Some("text/plain" | "text/*" | "*/*") => Format::Prometheus,
            _ => continue,
        };
        let mut weight = 1.0;
        let mut is_supported = true;
        for part in parts {
            if let Some(text) = part.strip_prefix("q=") {
                weight = text.parse().unwrap_or(0.0);
            } else if let (Some(version), Format::OpenMetrics) =
                (part.strip_prefix("version="), format)
            {
                is_supported = version.trim_matches('"') == "1.0.0";
            }
        }
        if is_supported && weight > best.1 {
            best = (format, weight);
        }
    }
    best.0
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    // The state and the metrics change from one moment to the next.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_format_is_chosen() {
        let format = |accept: &str| {
            let accept = accept.parse().unwrap();
            accepted(&HeaderMap::from_iter([(ACCEPT, accept)]))
        };
        for accept in [
            // What Prometheus 2.42 sends.
            "application/openmetrics-text;version=1.0.0,\
             application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            "text/plain;q=0.1, application/openmetrics-text; version=\"1.0.0\"; charset=utf-8; \
             q=0.2",
        ] {
            assert_eq!(format(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "*/*",
            "text/html",
            "text/plain, application/openmetrics-text;q=0.9",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
        ] {
            assert_eq!(format(accept), Format::Prometheus, "{accept}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Format::Prometheus);
    }
}
