//! The port, with how gRPC is served on it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use streeling_core::Unit;
use streeling_net::{BindError, Drained};
use tokio::sync::watch;

use crate::Config;
use crate::serve::{self, Ready};

/// Reserves the port, without opening it: clients are refused until [`Bound::listen`].
///
/// # Errors
///
/// [`BindError`] when the address cannot be had.
pub fn bind(config: Config) -> Result<Bound, BindError> {
    let port = streeling_net::bind(config.address)?;
    Ok(Bound { port, config })
}

/// A port that is reserved and not yet open.
#[derive(Debug)]
pub struct Bound {
    port: streeling_net::Bound,
    config: Config,
}

impl Bound {
    /// The address, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    /// Opens the port: connections are taken from now on, and answered from
    /// [`Listening::serve`] on. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] when another process reserved the same port and opened it first.
    pub fn listen(self) -> Result<Listening, BindError> {
        Ok(Listening {
            port: self.port.listen()?,
            config: self.config,
            healthy: None,
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
#[derive(Debug)]
pub struct Listening {
    port: streeling_net::Listening,
    config: Config,
    healthy: Option<watch::Receiver<bool>>,
}

impl Listening {
    /// The address, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    /// Lets the health service follow `healthy`, where being ready to answer does not say enough.
    #[must_use]
    pub fn with_health(mut self, healthy: watch::Receiver<bool>) -> Self {
        self.healthy = Some(healthy);
        self
    }

    /// Answers requests until `shutdown` is ready, then finishes those under way, for at most as
    /// long as it says.
    ///
    /// While `ready` is false, requests that need the unit get UNAVAILABLE, and the health service says
    /// `NOT_SERVING` (unless it follows [`Listening::with_health`]); it says so again from the moment `shutdown` is ready.
    pub async fn serve(
        self,
        unit: Unit,
        ready: watch::Receiver<bool>,
        shutdown: impl Future<Output = Duration> + Send,
    ) -> Drained {
        let healthy = self.healthy.unwrap_or_else(|| ready.clone());
        serve::serve(
            self.port,
            &self.config,
            unit,
            Ready { ready, healthy },
            shutdown,
        )
        .await
    }
}
