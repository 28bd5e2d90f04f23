//! The ports of the transports that are compiled in and switched on.

use streeling_config::Settings;
use streeling_core::Unit;
use tokio::sync::watch;

use crate::control::Control;
use crate::error::ServeError;
use crate::health::Health;
#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::log::announce;

/// What each port serves.
pub(crate) struct Services {
    #[cfg_attr(not(feature = "rest"), expect(dead_code, reason = "no port for it"))]
    pub(crate) rest: Option<Unit>,
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "no port for it"))]
    pub(crate) grpc: Option<Unit>,
}

/// Checks that there is something to serve.
pub(crate) fn check(settings: &Settings) -> Result<(), ServeError> {
    match (settings.rest.workers, settings.grpc.workers) {
        (0, 0) => Err(ServeError::Nothing),
        _ => Ok(()),
    }
}

/// The ports of the transports: reserved, not yet open.
pub(crate) struct Ports {
    #[cfg(feature = "rest")]
    rest: Option<streeling_rest::Bound>,
    #[cfg(feature = "grpc")]
    grpc: Option<streeling_grpc::Bound>,
}

impl Ports {
    pub(crate) fn bind(settings: &Settings) -> Result<Self, ServeError> {
        check(settings)?;
        Ok(Self {
            #[cfg(feature = "rest")]
            rest: (settings.rest.workers > 0)
                .then(|| streeling_rest::bind(rest(settings)))
                .transpose()
                .map_err(ServeError::RestPort)?,
            #[cfg(feature = "grpc")]
            grpc: (settings.grpc.workers > 0)
                .then(|| streeling_grpc::bind(grpc(settings)))
                .transpose()
                .map_err(ServeError::GrpcPort)?,
        })
    }

    /// Opens every port before any of them serves.
    pub(crate) fn listen(self) -> Result<Listening, ServeError> {
        Ok(Listening {
            #[cfg(feature = "rest")]
            rest: self
                .rest
                .map(streeling_rest::Bound::listen)
                .transpose()
                .map_err(ServeError::RestPort)?,
            #[cfg(feature = "grpc")]
            grpc: self
                .grpc
                .map(streeling_grpc::Bound::listen)
                .transpose()
                .map_err(ServeError::GrpcPort)?,
        })
    }
}

/// The ports of the transports, open.
pub(crate) struct Listening {
    #[cfg(feature = "rest")]
    rest: Option<streeling_rest::Listening>,
    #[cfg(feature = "grpc")]
    grpc: Option<streeling_grpc::Listening>,
}

impl Listening {
    /// Serves until `control` stops it, and drains.
    pub(crate) async fn serve(
        self,
        services: Services,
        ready: watch::Receiver<bool>,
        health: Health,
        control: Control,
    ) {
        #[cfg(not(any(feature = "rest", feature = "grpc")))]
        let _ = (&services, &ready, &control);
        #[cfg(not(feature = "grpc"))]
        let _ = &health;
        // Both before either serves: a client of one port can rely on the other being announced.
        #[cfg(feature = "grpc")]
        if let Some(port) = &self.grpc {
            announce("gRPC", port.local_addr());
        }
        #[cfg(feature = "rest")]
        if let Some(port) = &self.rest {
            announce("REST", port.local_addr());
        }
        tokio::join!(
            async {
                #[cfg(feature = "rest")]
                if let Some((port, unit)) = self.rest.zip(services.rest) {
                    let mut control = control.clone();
                    port.serve(unit, ready.clone(), control.stopped()).await;
                }
            },
            async {
                #[cfg(feature = "grpc")]
                if let Some((port, unit)) = self.grpc.zip(services.grpc) {
                    let mut control = control.clone();
                    port.with_health(health.follow())
                        .serve(unit, ready.clone(), control.stopped())
                        .await;
                }
            },
        );
    }
}

#[cfg(feature = "rest")]
fn rest(settings: &Settings) -> streeling_rest::Config {
    streeling_rest::Config {
        address: settings.rest_address(),
        max_body_size: settings.rest.max_body,
        keepalive: settings.rest.keepalive,
        timeout: settings.rest.timeout,
        passthrough: settings.payload_passthrough,
        ..streeling_rest::Config::default()
    }
}

#[cfg(feature = "grpc")]
fn grpc(settings: &Settings) -> streeling_grpc::Config {
    streeling_grpc::Config {
        address: settings.grpc_address(),
        max_message: settings.grpc.max_message,
        timeout: settings.grpc.timeout,
        ..streeling_grpc::Config::default()
    }
}
