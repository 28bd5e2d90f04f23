//! What matters of a request's head.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, EXPECT, HeaderName};
use http::{HeaderMap, HeaderValue, Method as Verb, Request, Uri};
use hyper::body::Body;
use streeling_core::{Account, RequestContext};
use streeling_net::BearerToken;

use crate::framing::Fault;
use crate::observe::Client;

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) verb: Verb,
    pub(crate) headers: HeaderMap,
    pub(crate) request: Arc<RequestContext>,
    /// The client's address.
    pub(crate) peer: Option<SocketAddr>,
    /// Whether it brought what the server wants of everyone but probes.
    pub(crate) is_permitted: bool,
    /// What the requests of its connection take.
    pub(crate) account: Account,
    /// Why it is refused, whatever it is for.
    pub(crate) fault: Option<Fault>,
    uri: Uri,
    /// The length of the body; `None` where it comes in chunks.
    length: Option<u64>,
}

impl Head {
    /// Takes a request apart, into this and its body.
    pub(crate) fn take<B: Body>(
        http: Request<B>,
        request: Arc<RequestContext>,
        client: &Client,
        fault: Option<Fault>,
    ) -> (Self, B) {
        let (head, body) = http.into_parts();
        let head = Self {
            verb: head.method,
            uri: head.uri,
            length: body.size_hint().exact(),
            headers: head.headers,
            request,
            peer: client.address,
            is_permitted: true,
            account: client.account.clone(),
            fault,
        };
        (head, body)
    }

    /// Looks for a token. The header is taken out, so that neither the component nor a log gets it.
    pub(crate) fn check(&mut self, token: &BearerToken) {
        let brought = self.headers.get_all(AUTHORIZATION).into_iter();
        self.is_permitted = token.permits(brought.map(HeaderValue::as_bytes));
        self.headers.remove(AUTHORIZATION);
    }

    /// The path; empty for a target such as `predict`, which HTTP takes for a host.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The request target as it came.
    pub(crate) fn target(&self) -> &Uri {
        &self.uri
    }

    /// What follows the path, without the question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        self.uri.query().filter(|query| !query.is_empty())
    }

    /// A header as text; `None` where it is not there, or is no text.
    pub(crate) fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.headers.contains_key(name)
    }

    /// The claimed length of the body, by which it is framed; `None` for one that comes in chunks.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether the client is sending a body right now, wanted or not.
    pub(crate) fn is_followed_by_body(&self) -> bool {
        // A client that waits for `100 Continue` has not sent it.
        self.length != Some(0) && !self.has(&EXPECT)
    }
}
