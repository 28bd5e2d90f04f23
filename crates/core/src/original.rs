//! What a component may see of a request beside its message, and what it may write itself.

use std::net::SocketAddr;

use bytes::Bytes;

/// A header as it stands on the wire: the name in lower case, and the value, which need not be
/// text.
pub type Header = (String, Bytes);

/// A request as its transport received it, for a component that [wants](Wants) it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// The transport, by its [name](crate::Transport::name).
    pub transport: &'static str,
    /// The HTTP method.
    pub verb: String,
    /// Path and query.
    pub target: String,
    /// The headers, in their order.
    pub headers: Vec<Header>,
    /// The client's address and port.
    pub peer: Option<SocketAddr>,
    /// The body, where the component wants it.
    pub body: Bytes,
    /// The HTTP methods that the server's own route of this path allows, for a request that has
    /// none of them.
    pub allowed: Option<&'static str>,
}

/// How much of a request as it came a component wants; nothing, unless it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Its head.
    pub head: bool,
    /// Its body, too.
    pub body: bool,
    /// What no route of the server's is for: the component has [pages](crate::Service::page).
    pub pages: bool,
}

/// A response over HTTP that a component has written itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The status; `None` for that of the error which it belongs to.
    pub status: Option<u16>,
    /// The headers, which take the place of those of the same names.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
}
