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
    /// How long a body may take, from when a piece of it is first waited for.
    pub body_timeout: Duration,
    /// How long a request's head may take, from its first byte.
    pub head_timeout: Duration,
    /// How long a client may take less than 4 KiB of its response, though there is more to send.
    pub write_timeout: Duration,
    /// The largest head, in bytes; at most 400,000.
    pub max_head_size: usize,
    /// The most headers.
    pub max_headers: usize,
    /// From how many bytes on responses are compressed, for clients that take that; `None`: never.
    pub compress_from: Option<usize>,
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
            body_timeout: Duration::from_secs(3600),
            head_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            max_head_size: 400_000,
            max_headers: 100,
            compress_from: None,
        }
    }
}
