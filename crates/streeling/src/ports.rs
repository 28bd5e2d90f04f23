//! The ports of the transports that are compiled in and switched on.

use streeling_config::Settings;
use streeling_core::Unit;
use tokio::sync::watch;

use crate::ServeError;
use crate::control::Control;
use crate::health::Health;

/// What answers on each port.
pub(crate) struct Units {
    #[cfg_attr(not(feature = "rest"), expect(dead_code, reason = "no port for it"))]
    pub(crate) rest: Option<Unit>,
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "no port for it"))]
    pub(crate) grpc: Option<Unit>,
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
        if settings.rest.workers == 0 && settings.grpc.workers == 0 {
            return Err(ServeError::Nothing);
        }
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

    /// Opens every port before any of them answers.
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
    /// Serves until told to end.
    pub(crate) async fn serve(
        self,
        units: Units,
        ready: watch::Receiver<bool>,
        health: Health,
        control: Control,
    ) {
        #[cfg(not(any(feature = "rest", feature = "grpc")))]
        let _ = (&units, &ready, &control);
        #[cfg(not(feature = "grpc"))]
        let _ = &health;
        // Both before either answers: whoever has an answer knows where the other port is.
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
                if let Some((port, unit)) = self.rest.zip(units.rest) {
                    let mut control = control.clone();
                    port.serve(unit, ready.clone(), control.stopped()).await;
                }
            },
            async {
                #[cfg(feature = "grpc")]
                if let Some((port, unit)) = self.grpc.zip(units.grpc) {
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

/// Says where something is served; tests and scripts that asked for port 0 read it there.
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
pub(crate) fn announce(what: &str, address: std::net::SocketAddr) {
    tracing::info!("serving {what} at http://{address}");
}
