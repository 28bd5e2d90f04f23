//! What observers are told of a request over REST.

use std::net::SocketAddr;

use http::header::{HOST, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, Method, Request, Response, Version};
use hyper::body::Body;
use streeling_core::{Answered, Code, Head, Observers, Transport, Watched};

/// This transport, to observers. 499 is what other servers, too, write down for a client that has left.
static REST: Transport = Transport::new("rest", Code::numbered(499));

/// Whose requests come over a connection, and who is told of them.
pub(crate) struct Client {
    pub(crate) observers: Observers,
    pub(crate) address: Option<SocketAddr>,
}

impl Client {
    /// A request's head has come; its call goes along with it as an extension.
    pub(crate) fn begin<B>(&self, request: &mut Request<B>) -> Watched {
        let headers = request.headers();
        let text = |name: &str| std::str::from_utf8(headers.get(name)?.as_bytes()).ok();
        let watched = self.observers.begin(&REST, &text, || self.head(request));
        request.extensions_mut().insert(watched.call().clone());
        watched
    }

    fn head<B>(&self, request: &Request<B>) -> Head {
        let headers = request.headers();
        Head {
            verb: Head::verb(request.method().as_str()),
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

/// The answer to a request of this verb is there.
pub(crate) fn end(watched: Watched, verb: &Method, answer: &Response<impl Body>) {
    let status = answer.status();
    watched.answered(&Answered {
        code: Code {
            is_fault: status.is_server_error(),
            ..Code::numbered(status.as_u16())
        },
        bytes: match *verb {
            Method::HEAD => 0,
            _ => answer.body().size_hint().lower(),
        },
    });
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
