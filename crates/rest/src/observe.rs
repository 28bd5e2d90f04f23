//! What observers get to know of a request over HTTP/1.1.

use std::net::SocketAddr;

use http::header::{HOST, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, Request, Response, Version};
use hyper::body::Body;
use streeling_core::{Account, Code, Observers, Outcome, RequestGuard, RequestInfo, Transport};

use streeling_codec::seldon::ID_HEADER;

/// This transport, to observers. 499 is what other servers, too, write down for a client that has
/// left.
pub(crate) static REST: Transport = Transport {
    name: "rest",
    abandoned: Code::numbered(499),
    id_headers: &[ID_HEADER, "x-request-id"],
};

/// The client of a connection, and who observes its requests.
pub(crate) struct Client {
    pub(crate) observers: Observers,
    pub(crate) address: Option<SocketAddr>,
    /// What its requests take.
    pub(crate) account: Account,
}

impl Client {
    /// A request's head has come.
    pub(crate) fn start<B>(&self, request: &Request<B>) -> RequestGuard {
        let headers = request.headers();
        // Most requests have a handful of headers: comparing them is cheaper than parsing and
        // hashing a name.
        let text = |name: &str| {
            let (_, value) = headers.iter().find(|(key, _)| key.as_str() == name)?;
            std::str::from_utf8(value.as_bytes()).ok()
        };
        self.observers.start(&REST, &text, || self.info(request))
    }

    fn info<B>(&self, request: &Request<B>) -> RequestInfo {
        let headers = request.headers();
        RequestInfo {
            method: RequestInfo::method(request.method().as_str()),
            target: request.uri().to_string(),
            protocol: match request.version() {
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            host: text(headers, &HOST),
            peer: self.address,
            referer: text(headers, &REFERER),
            agent: text(headers, &USER_AGENT),
        }
    }
}

/// The response to a request is there; of a stream, its head. To HEAD its body is not sent.
pub(crate) fn finish(guard: RequestGuard, has_body: bool, response: &Response<impl Body>) {
    let status = response.status();
    guard.finish(&Outcome {
        code: Code {
            is_fault: status.is_server_error(),
            ..Code::numbered(status.as_u16())
        },
        bytes: if has_body {
            response.body().size_hint().lower()
        } else {
            0
        },
    });
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
