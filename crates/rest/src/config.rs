//! What the transport needs to be told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How to serve REST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose one, see [`Bound::local_addr`](crate::Bound::local_addr).
    pub address: SocketAddr,
    /// The largest request body and the largest answer, in bytes.
    pub max_body_size: usize,
    /// How long a connection without a request is kept open; zero closes it after each answer.
    pub keepalive: Duration,
    /// How long a request may take, from its head to its answer; `None` for as long as it likes.
    pub timeout: Option<Duration>,
    /// Hand the bodies of predictions to the component unread, and its bytes to the client.
    pub passthrough: bool,
    /// How long a client may pause in the middle of a body.
    pub stall: Duration,
    /// What `/seldon.json` says about the server.
    pub identity: Identity,
}

impl Default for Config {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)),
            max_body_size: 256 * 1024 * 1024,
            keepalive: Duration::from_secs(2),
            timeout: None,
            passthrough: false,
            stall: Duration::from_secs(60),
            identity: Identity::default(),
        }
    }
}

/// What `/seldon.json` says about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The title of the document.
    pub title: String,
    /// The version of what is served.
    pub version: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            title: "Streeling".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
