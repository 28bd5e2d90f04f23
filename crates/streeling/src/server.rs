//! Puts settings, component and transports together, and takes them apart again.

use std::fmt;
use std::sync::Arc;

use streeling_config::Settings;
use streeling_core::{Component, Unit, UnitConfig};
use tokio::sync::watch;

use crate::ports::{Ports, Units};
use crate::stop::Stop;

/// A server that is ready to be run.
pub struct Server {
    settings: Settings,
    component: Option<Arc<dyn Component>>,
}

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A port cannot be had.
    #[cfg(feature = "rest")]
    #[error("{0}: choose another REST port with --http-port or PREDICTIVE_UNIT_HTTP_SERVICE_PORT")]
    RestPort(#[source] streeling_rest::BindError),
    /// A port cannot be had.
    #[cfg(feature = "grpc")]
    #[error("{0}: choose another gRPC port with --grpc-port or PREDICTIVE_UNIT_GRPC_SERVICE_PORT")]
    GrpcPort(#[source] streeling_grpc::BindError),
    /// The component could not be loaded.
    #[cfg(feature = "python")]
    #[error(transparent)]
    Component(#[from] streeling_python::StartError),
    /// The settings ask for a part that was not compiled in.
    #[error("{asked} needs the feature '{feature}', which this build does not have")]
    Feature {
        /// What was asked for, and by which setting.
        asked: String,
        /// The Cargo feature.
        feature: &'static str,
    },
    /// Every transport is switched off, or not compiled in.
    #[error(
        "nothing to serve: this build has no REST server, and gRPC has no workers; build with the \
         feature 'rest', or set --grpc-workers (GRPC_WORKERS) above 0"
    )]
    Nothing,
    /// The system refused a signal handler.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

impl ServeError {
    /// The exit code of a process that ends with this error: 2 for what a setting can mend, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            #[cfg(feature = "rest")]
            Self::RestPort(_) => 2,
            #[cfg(feature = "grpc")]
            Self::GrpcPort(_) => 2,
            Self::Feature { .. } | Self::Nothing => 2,
            #[cfg(feature = "python")]
            Self::Component(_) => 1,
            Self::Signals(_) => 1,
        }
    }
}

impl Server {
    /// Serves the Python class that the settings name.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            component: None,
        }
    }

    /// Serves a component that lives in this process; the settings' interface name, workers and threads are
    /// not looked at.
    #[must_use]
    pub fn with_component(settings: Settings, component: Arc<dyn Component>) -> Self {
        Self {
            settings,
            component: Some(component),
        }
    }

    /// Runs until told to stop: takes the ports, loads the component, serves, and takes everything
    /// down in order.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the server does not come to serve. A port that is taken is found before
    /// anything is loaded.
    pub async fn run(self, stop: Stop) -> Result<(), ServeError> {
        let ports = Ports::bind(&self.settings)?;
        match &self.component {
            Some(component) => {
                let unit = Unit::new(Arc::clone(component), unit_config(&self.settings));
                let units = Units {
                    rest: Some(unit.clone()),
                    grpc: Some(unit),
                };
                ports.serve(units, watch::channel(true).1, stop).await
            }
            None => self.run_python(ports, stop).await,
        }
    }

    #[cfg(not(feature = "python"))]
    async fn run_python(self, _ports: Ports, _stop: Stop) -> Result<(), ServeError> {
        Err(ServeError::Feature {
            asked: format!(
                "serving the Python class {} (interface_name)",
                self.settings.interface
            ),
            feature: "python",
        })
    }

    #[cfg(feature = "python")]
    async fn run_python(self, ports: Ports, mut stop: Stop) -> Result<(), ServeError> {
        use std::pin::pin;

        let settings = &self.settings;
        let pools = crate::python::Pools::new(settings);
        let units = pools.units(&unit_config(settings));
        let (loaded, ready) = watch::channel(false);
        let deadline = settings.workers.bind_deadline;
        let mut start = pin!(pools.start());
        let in_time = tokio::select! {
            started = &mut start => { started?; true }
            () = tokio::time::sleep(deadline) => false,
            _ = stop.stopped() => return Ok(()),
        };
        if in_time {
            loaded.send_replace(true);
            ports.serve(units, ready, stop.clone()).await?;
        } else {
            tracing::warn!(
                "still loading after {deadline:?}: the ports open (--bind-deadline, \
                 STREELING_BIND_DEADLINE), and requests are refused until the load has ended"
            );
            let mut serving = pin!(ports.serve(units, ready, stop.clone()));
            tokio::select! {
                started = &mut start => started?,
                ended = &mut serving => return ended,
            }
            loaded.send_replace(true);
            serving.await?;
        }
        pools.stop(stop.stopped().await).await;
        Ok(())
    }
}

fn unit_config(settings: &Settings) -> UnitConfig {
    UnitConfig {
        id: settings.identity.unit.clone(),
        image: settings.identity.image.clone(),
        metrics_in_answer: settings.metrics.in_response,
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
