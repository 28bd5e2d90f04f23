//! What the transport needs to know.

use std::time::Duration;

use streeling_net::BearerToken;

/// How to serve gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The largest message, both ways, in bytes; a compressed one counts uncompressed.
    pub max_message: usize,
    /// How long a request may take, from its head to the end of its response, and each message of
    /// a stream of requests; `None` for as long as its own `grpc-timeout` says.
    pub timeout: Option<Duration>,
    /// How long a client may pause in the middle of a request, between the messages of a stream, or
    /// of reading a response.
    pub idle_timeout: Duration,
    /// How long a message may take, from when a piece of it is first waited for.
    pub body_timeout: Duration,
    /// The largest head of a request, in bytes; at most 65,536.
    pub max_head_size: usize,
    /// Requests that one connection may have under way; more wait at the client.
    pub max_streams: u32,
    /// How long a connection may be silent before a ping checks that its client is still there.
    pub ping: Duration,
    /// What requests must bring, apart from those for health; `None`: nothing.
    pub token: Option<BearerToken>,
    /// From how many bytes on responses are compressed, for clients that take that; `None`: never.
    pub compress_from: Option<usize>,
}

impl Default for Config {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            max_message: 256 * 1024 * 1024,
            timeout: None,
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(3600),
            max_head_size: 400_000,
            max_streams: 1024,
            ping: Duration::from_secs(60),
            token: None,
            compress_from: None,
        }
    }
}
