//! Reserving and opening the port.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use crate::listener::TcpPort;

/// Connections that may wait to be accepted; the kernel cuts it to its own limit.
const BACKLOG: u32 = 4096;

/// The address cannot be served on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else has the port.
    #[error("port {} is in use at {}", address.port(), address.ip())]
    InUse {
        /// The requested address.
        address: SocketAddr,
    },
    /// The port needs a privilege that the process lacks.
    #[error("port {} may not be opened by this user", address.port())]
    Forbidden {
        /// The requested address.
        address: SocketAddr,
    },
    /// The machine does not have the address, or anything else.
    #[error("cannot listen at {address}: {source}")]
    Other {
        /// The requested address.
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
}

/// Reserves a port, without opening it: clients are refused until [`Bound::listen`]. Port 0 lets
/// the system choose one.
///
/// # Errors
///
/// [`BindError`] when the address cannot be had.
pub fn bind(address: SocketAddr) -> Result<Bound, BindError> {
    let fail = |source| BindError::new(address, source);
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(fail)?;
    // A restart must not wait until the connections of the last run have left TIME_WAIT.
    socket.set_reuseaddr(true).map_err(fail)?;
    socket.bind(address).map_err(fail)?;
    let local = socket.local_addr().map_err(fail)?;
    Ok(Bound {
        socket,
        address,
        local,
    })
}

/// A port that is reserved and not yet open.
#[derive(Debug)]
pub struct Bound {
    socket: TcpSocket,
    address: SocketAddr,
    local: SocketAddr,
}

impl Bound {
    /// The address, with the port that the system chose if 0 was requested.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Opens the port: connections are taken from now on, and handled from [`serve`](crate::serve)
    /// on. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] when another process reserved the same port and opened it first.
    pub fn listen(self) -> Result<TcpPort, BindError> {
        let listener = self
            .socket
            .listen(BACKLOG)
            .map_err(|source| BindError::new(self.address, source))?;
        Ok(TcpPort::new(listener, self.local))
    }
}
