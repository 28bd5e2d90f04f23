//! What the transport needs to be told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How to serve gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose one, see [`Bound::local_addr`](crate::Bound::local_addr).
    pub address: SocketAddr,
    /// The largest message, both ways, in bytes; a compressed one counts uncompressed.
    pub max_message: usize,
    /// How long a request may take, from its head to its answer; `None` for as long as its own
    /// `grpc-timeout` says.
    pub timeout: Option<Duration>,
    /// How long a client may pause in the middle of a request or of reading an answer.
    pub stall: Duration,
    /// How long a connection may be silent before it is asked whether it is still there.
    pub ping: Duration,
}

impl Default for Config {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5000)),
            max_message: 256 * 1024 * 1024,
            timeout: None,
            stall: Duration::from_secs(60),
            ping: Duration::from_secs(60),
        }
    }
}
