//! The ports of the transports that are compiled in and switched on.

#[cfg(any(feature = "rest", feature = "grpc"))]
use std::sync::Arc;

use streeling_config::Settings;
use streeling_core::{Budget, Models, Observers};
#[cfg(feature = "grpc")]
use streeling_grpc::Grpc;
#[cfg(any(feature = "rest", feature = "grpc"))]
use streeling_net::{Bound, TcpPort, bind};
#[cfg(feature = "rest")]
use streeling_rest::Rest;
use tokio::sync::watch;

#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::access::Access;
#[cfg(feature = "rest")]
use crate::access::HTTP1;
#[cfg(feature = "grpc")]
use crate::access::HTTP2;
#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::connections::PortConnections;
use crate::control::Control;
use crate::error::ServeError;
use crate::health::Health;
#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::log::announce;
#[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
use crate::oip;

/// The model on each port.
pub(crate) struct PortModels {
    #[cfg_attr(not(feature = "rest"), expect(dead_code, reason = "no port for it"))]
    pub(crate) rest: Option<Models>,
    #[cfg_attr(
        not(any(feature = "rest", feature = "grpc")),
        expect(dead_code, reason = "no port for it")
    )]
    pub(crate) grpc: Option<Models>,
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
    /// Open without workers, too: probes by TCP are sent to it in any case.
    #[cfg(feature = "rest")]
    rest: Bound,
    #[cfg(feature = "grpc")]
    grpc: Option<Bound>,
}

impl Ports {
    pub(crate) fn bind(settings: &Settings) -> Result<Self, ServeError> {
        check(settings)?;
        Ok(Self {
            #[cfg(feature = "rest")]
            rest: bind(settings.rest_address()).map_err(ServeError::RestPort)?,
            #[cfg(feature = "grpc")]
            grpc: (settings.grpc.workers > 0)
                .then(|| bind(settings.grpc_address()))
                .transpose()
                .map_err(ServeError::GrpcPort)?,
        })
    }

    /// Opens every port before any of them serves.
    pub(crate) fn listen(self) -> Result<Listening, ServeError> {
        Ok(Listening {
            #[cfg(feature = "rest")]
            rest: self.rest.listen().map_err(ServeError::RestPort)?,
            #[cfg(feature = "grpc")]
            grpc: self
                .grpc
                .map(Bound::listen)
                .transpose()
                .map_err(ServeError::GrpcPort)?,
        })
    }
}

/// The ports of the transports, open.
pub(crate) struct Listening {
    #[cfg(feature = "rest")]
    rest: TcpPort,
    #[cfg(feature = "grpc")]
    grpc: Option<TcpPort>,
}

/// What open ports serve, and until when.
#[cfg_attr(
    not(any(feature = "rest", feature = "grpc")),
    expect(dead_code, reason = "no port for it")
)]
pub(crate) struct Serving {
    #[cfg(any(feature = "rest", feature = "grpc"))]
    pub(crate) access: Access,
    pub(crate) models: PortModels,
    pub(crate) observers: Observers,
    #[cfg(any(feature = "rest", feature = "grpc"))]
    pub(crate) connections: PortConnections,
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) budget: Budget,
    #[cfg_attr(
        all(feature = "rest", not(feature = "grpc")),
        expect(dead_code, reason = "only gRPC has a health service")
    )]
    pub(crate) health: Health,
    pub(crate) control: Control,
    /// Loads the component again.
    #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
    pub(crate) reload: oip::Reload,
}

impl Listening {
    /// Serves until `control` stops it, and drains.
    pub(crate) async fn serve(self, settings: &Settings, serving: Serving) {
        #[cfg(not(any(feature = "rest", feature = "grpc")))]
        let _ = (self, settings, serving);
        // Both before either serves: a client of one port can rely on the other being announced.
        #[cfg(feature = "grpc")]
        if let Some(port) = &self.grpc {
            announce("gRPC", serving.access.scheme(), port.local_addr());
        }
        #[cfg(feature = "rest")]
        announce(
            if is_rest_off(settings) {
                "health (REST has no workers)"
            } else {
                "REST"
            },
            serving.access.scheme(),
            self.rest.local_addr(),
        );
        #[cfg(any(feature = "rest", feature = "grpc"))]
        tokio::join!(
            async {
                #[cfg(feature = "rest")]
                if let Some(rest) = serving.rest(settings) {
                    let connections = serving.connections.rest.clone();
                    let mut control = serving.control.clone();
                    let (access, stopped) = (&serving.access, control.stopped());
                    access
                        .serve(connections, self.rest, rest, HTTP1, stopped)
                        .await;
                }
            },
            async {
                #[cfg(feature = "grpc")]
                if let Some(port) = self.grpc
                    && let Some(grpc) = serving.grpc(settings)
                {
                    let connections = serving.connections.grpc.clone();
                    let mut control = serving.control.clone();
                    let (access, stopped) = (&serving.access, control.stopped());
                    access.serve(connections, port, grpc, HTTP2, stopped).await;
                }
            },
        );
    }
}

impl Serving {
    #[cfg(feature = "rest")]
    fn rest(&self, settings: &Settings) -> Option<Rest> {
        use streeling_rest::Protocol;
        use streeling_rest::seldon::{HealthOnly, Identity, Seldon};

        let (protocols, models): (Vec<Arc<dyn Protocol>>, _) = if is_rest_off(settings) {
            let protocol = HealthOnly::new(
                "REST has no workers (--workers, GUNICORN_WORKERS), the model is served over gRPC",
            );
            (vec![Arc::new(protocol)], &self.models.grpc)
        } else {
            let passthrough = settings.deployment.payload_passthrough;
            let protocol = Seldon::new(&Identity::default(), passthrough)
                .with_max_parts(settings.limits.parts)
                .with_max_depth(settings.limits.json_depth);
            let protocols: Vec<Arc<dyn Protocol>> = vec![
                Arc::new(protocol),
                #[cfg(feature = "oip")]
                Arc::new(oip::rest(settings, &self.reload)),
            ];
            (protocols, &self.models.rest)
        };
        let rest = Rest::new(
            &rest_config(settings, &self.access),
            protocols,
            models.clone()?,
            self.observers.clone(),
            self.ready.clone(),
        );
        Some(rest.with_budget(self.budget.clone()))
    }

    #[cfg(feature = "grpc")]
    fn grpc(&self, settings: &Settings) -> Option<Grpc> {
        let config = grpc_config(settings, &self.access);
        let protocols: Vec<Arc<dyn streeling_grpc::Protocol>> = vec![
            Arc::new(streeling_grpc::seldon::Seldon),
            #[cfg(feature = "oip")]
            Arc::new(oip::grpc(settings, &self.reload)),
        ];
        let grpc = Grpc::new(
            &config,
            protocols,
            self.models.grpc.clone()?,
            self.observers.clone(),
            self.ready.clone(),
        );
        let grpc = grpc.with_budget(self.budget.clone());
        Some(grpc.with_health(self.health.follow()))
    }
}

/// Whether the port of REST has health alone, since REST has no workers.
#[cfg(feature = "rest")]
fn is_rest_off(settings: &Settings) -> bool {
    settings.rest.workers == 0
}

#[cfg(feature = "rest")]
fn rest_config(settings: &Settings, access: &Access) -> streeling_rest::Config {
    streeling_rest::Config {
        max_body_size: settings.rest.max_body,
        keepalive: settings.rest.keepalive,
        timeout: settings.rest.timeout,
        idle_timeout: settings.listen.idle_timeout,
        token: access.token(),
        body_timeout: settings.limits.body_timeout,
        head_timeout: settings.limits.head_timeout,
        write_timeout: settings.limits.write_timeout,
        max_head_size: settings.limits.head_size,
        max_headers: settings.limits.headers,
    }
}

#[cfg(feature = "grpc")]
fn grpc_config(settings: &Settings, access: &Access) -> streeling_grpc::Config {
    streeling_grpc::Config {
        max_message: settings.grpc.max_message,
        timeout: settings.grpc.timeout,
        idle_timeout: settings.listen.idle_timeout,
        token: access.token(),
        body_timeout: settings.limits.body_timeout,
        max_head_size: settings.limits.head_size,
        max_streams: settings.grpc.max_streams,
        ..streeling_grpc::Config::default()
    }
}

#[cfg(all(test, feature = "rest", feature = "grpc"))]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use streeling_config::{Annotations, Environment, Features};

    use super::*;

    #[test]
    fn the_idle_timeout_holds_for_both_transports() {
        for (args, seconds) in [(&[][..], 60), (&["--idle-timeout", "5"], 5)] {
            let args = ["streeling", "Iris"].iter().chain(args).map(OsString::from);
            let (environment, annotations) = (Environment::default(), Annotations::default());
            let loaded = Settings::load(Features::ALL, args, &environment, &annotations).unwrap();
            let expected = Duration::from_secs(seconds);
            let access = Access::load(&loaded.settings).unwrap();
            assert_eq!(
                rest_config(&loaded.settings, &access).idle_timeout,
                expected
            );
            assert_eq!(
                grpc_config(&loaded.settings, &access).idle_timeout,
                expected
            );
        }
    }
}
