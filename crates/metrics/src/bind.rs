//! The metrics port: reserve, open, serve.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use streeling_net::{BindError, Drained};

use crate::pages::Pages;
use crate::serve;

/// Reserves the port without opening it. With port 0 the system chooses one.
///
/// # Errors
///
/// [`BindError`] when the address cannot be bound.
pub fn bind(address: SocketAddr) -> Result<Bound, BindError> {
    Ok(Bound {
        port: streeling_net::bind(address)?,
    })
}

/// A port that is reserved and not yet open.
#[derive(Debug)]
pub struct Bound {
    port: streeling_net::Bound,
}

impl Bound {
    /// The address, with the port that the system chose where 0 was requested.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    /// Opens the port. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] when another process reserved the same port and opened it first.
    pub fn listen(self) -> Result<Listening, BindError> {
        Ok(Listening {
            port: self.port.listen()?,
        })
    }
}

/// An open port.
#[derive(Debug)]
pub struct Listening {
    port: streeling_net::Listening,
}

impl Listening {
    /// The address, with the port that the system chose where 0 was requested.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    /// Serves requests until `shutdown` is ready, then finishes those in flight, for at most the
    /// drain timeout that `shutdown` returns.
    pub async fn serve(
        self,
        pages: Pages,
        shutdown: impl Future<Output = Duration> + Send,
    ) -> Drained {
        serve::serve(self.port, pages, shutdown).await
    }
}
