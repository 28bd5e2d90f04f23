//! Reserving and opening the port.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use streeling_core::Unit;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::{Config, Drained, serve};

/// Connections that may wait to be accepted; the kernel cuts it to its own limit.
const BACKLOG: u32 = 4096;

/// The address cannot be served on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else has the port.
    #[error("port {} is in use at {}", address.port(), address.ip())]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The port needs a privilege that the process lacks.
    #[error("port {} may not be opened by this user", address.port())]
    Forbidden {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The machine does not have the address, or anything else.
    #[error("cannot listen at {address}: {source}")]
    Other {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address },
            _ => Self::Other { address, source },
        }
    }

    /// The address that was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::InUse { address } | Self::Forbidden { address } | Self::Other { address, .. } => {
                *address
            }
        }
    }
}

/// Reserves the port, without opening it: clients are refused until [`Bound::listen`].
///
/// # Errors
///
/// [`BindError`] when the address cannot be had.
pub fn bind(config: Config) -> Result<Bound, BindError> {
    let fail = |source| BindError::new(config.address, source);
    let socket = match config.address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(fail)?;
    // A restart must not wait until the connections of the last run have left TIME_WAIT.
    socket.set_reuseaddr(true).map_err(fail)?;
    socket.bind(config.address).map_err(fail)?;
    let local = socket.local_addr().map_err(fail)?;
    Ok(Bound {
        socket,
        local,
        config,
    })
}

/// A port that is reserved and not yet open.
#[derive(Debug)]
pub struct Bound {
    socket: TcpSocket,
    local: SocketAddr,
    config: Config,
}

impl Bound {
    /// The address, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Opens the port: connections are taken from now on, and answered from
    /// [`Listening::serve`] on. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] when another process reserved the same port and opened it first.
    pub fn listen(self) -> Result<Listening, BindError> {
        let listener = self
            .socket
            .listen(BACKLOG)
            .map_err(|source| BindError::new(self.config.address, source))?;
        Ok(Listening {
            listener,
            local: self.local,
            config: self.config,
        })
    }

    /// [`Bound::listen`] and [`Listening::serve`] in one.
    ///
    /// # Errors
    ///
    /// As [`Bound::listen`].
    pub async fn serve(
        self,
        unit: Unit,
        ready: watch::Receiver<bool>,
        shutdown: impl Future<Output = Duration> + Send,
    ) -> Result<Drained, BindError> {
        Ok(self.listen()?.serve(unit, ready, shutdown).await)
    }
}

/// An open port.
pub struct Listening {
    listener: TcpListener,
    local: SocketAddr,
    config: Config,
}

impl Listening {
    /// The address, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers requests until `shutdown` is ready, then finishes those under way, for at most as
    /// long as it says.
    ///
    /// While `ready` is false, requests that need the unit get 503; `/health/ping` and
    /// `/seldon.json` are answered all the same.
    pub async fn serve(
        self,
        unit: Unit,
        ready: watch::Receiver<bool>,
        shutdown: impl Future<Output = Duration> + Send,
    ) -> Drained {
        serve::serve(self.listener, &self.config, unit, ready, shutdown).await
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
