//! What the transport needs to know.

use std::time::Duration;

use streeling_net::BearerToken;

/// How to serve HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The largest request body and the largest response, in bytes.
    pub max_body_size: usize,
    /// How long a connection without a request is kept open; zero closes it after each response.
    pub keepalive: Duration,
    /// How long a request may take, from its head to its response, or to the head of one that
    /// streams; `None` for no limit.
    pub timeout: Option<Duration>,
    /// How long a client may pause in the middle of a body.
    pub idle_timeout: Duration,
    /// What requests must bring, apart from those of probes; `None`: nothing.
    pub token: Option<BearerToken>,
}

impl Default for Config {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            max_body_size: 256 * 1024 * 1024,
            keepalive: Duration::from_secs(100),
            timeout: None,
            idle_timeout: Duration::from_secs(60),
            token: None,
        }
    }
}
