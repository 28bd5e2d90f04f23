//! The ports of the transports that are compiled in and switched on.

use streeling_config::Settings;
use streeling_core::Unit;
use tokio::sync::watch;

use crate::ServeError;
use crate::stop::Stop;

/// What answers on each port.
pub(crate) struct Units {
    #[cfg_attr(not(feature = "rest"), expect(dead_code, reason = "no port for it"))]
    pub(crate) rest: Option<Unit>,
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "no port for it"))]
    pub(crate) grpc: Option<Unit>,
}

/// The ports: reserved, not yet open.
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

    /// Opens every port before any of them answers, and serves until told to stop.
    pub(crate) async fn serve(
        self,
        units: Units,
        ready: watch::Receiver<bool>,
        stop: Stop,
    ) -> Result<(), ServeError> {
        #[cfg(not(any(feature = "rest", feature = "grpc")))]
        let _ = (units, ready, stop);
        #[cfg(feature = "rest")]
        let rest = match self.rest.zip(units.rest) {
            Some((bound, unit)) => {
                let listening = bound.listen().map_err(ServeError::RestPort)?;
                announce("REST", listening.local_addr());
                let (ready, mut stop) = (ready.clone(), stop.clone());
                Some(async move { listening.serve(unit, ready, stop.stopped()).await })
            }
            None => None,
        };
        #[cfg(feature = "grpc")]
        let grpc = match self.grpc.zip(units.grpc) {
            Some((bound, unit)) => {
                let listening = bound.listen().map_err(ServeError::GrpcPort)?;
                announce("gRPC", listening.local_addr());
                let (ready, mut stop) = (ready.clone(), stop.clone());
                Some(async move { listening.serve(unit, ready, stop.stopped()).await })
            }
            None => None,
        };
        tokio::join!(
            async {
                #[cfg(feature = "rest")]
                if let Some(serving) = rest {
                    serving.await;
                }
            },
            async {
                #[cfg(feature = "grpc")]
                if let Some(serving) = grpc {
                    serving.await;
                }
            },
        );
        Ok(())
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

/// Says where a transport is served; tests and scripts that asked for port 0 read it there.
#[cfg(any(feature = "rest", feature = "grpc"))]
fn announce(transport: &str, address: std::net::SocketAddr) {
    tracing::info!("serving {transport} at http://{address}");
}
