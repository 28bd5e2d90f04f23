//! What is served: a component in this process, or a Python class in worker processes.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::Settings;
use streeling_core::{Component, Unit, UnitConfig};
use tokio::sync::watch;

use crate::control::Control;
use crate::error::ServeError;
use crate::ports::Services;
#[cfg(feature = "python")]
use crate::{interpreter, pools::Pools, reconciler::Reconciler};

/// A component with what keeps it running.
pub(crate) enum Backend {
    /// It needs no load and no workers, and does not fail.
    InProcess(Arc<dyn Component>),
    #[cfg(feature = "python")]
    Workers(Workers),
}

#[cfg(feature = "python")]
pub(crate) struct Workers {
    pools: Pools,
    reconciler: Reconciler,
    is_development: bool,
}

impl Backend {
    /// The component, or else the Python class that the settings name. Nothing is started yet, but
    /// what a setting can mend is found here.
    pub(crate) fn new(
        settings: &Settings,
        component: Option<Arc<dyn Component>>,
    ) -> Result<Self, ServeError> {
        if let Some(component) = component {
            return Ok(Self::InProcess(component));
        }
        #[cfg(feature = "python")]
        {
            let pools = Pools::new(settings, &interpreter::find(settings)?);
            Ok(Self::Workers(Workers {
                reconciler: Reconciler::new(settings, pools.clone())?,
                pools,
                is_development: settings.debug,
            }))
        }
        #[cfg(not(feature = "python"))]
        Err(ServeError::Feature {
            usage: format!(
                "serving the Python class {} (interface_name)",
                settings.interface
            ),
            feature: "python",
        })
    }

    /// What each port serves.
    pub(crate) fn services(&self, config: &UnitConfig) -> Services {
        match self {
            Self::InProcess(component) => {
                let unit = Unit::new(Arc::clone(component), config.clone());
                Services {
                    rest: Some(unit.clone()),
                    grpc: Some(unit),
                }
            }
            #[cfg(feature = "python")]
            Self::Workers(workers) => workers.pools.services(config),
        }
    }

    /// The number of workers that serve, of each pool.
    pub(crate) fn live(&self) -> Vec<watch::Receiver<usize>> {
        match self {
            Self::InProcess(_) => Vec::new(),
            #[cfg(feature = "python")]
            Self::Workers(workers) => workers.pools.live(),
        }
    }

    /// Adds its metrics to a registry.
    #[cfg(all(feature = "metrics", feature = "python"))]
    pub(crate) fn show_to(&self, registry: &streeling_metrics::Registry) {
        match self {
            Self::InProcess(_) => {}
            Self::Workers(workers) => workers.pools.show_to(registry),
        }
    }

    /// Loads the component, in every worker.
    pub(crate) async fn load(&self) -> Result<(), ServeError> {
        match self {
            Self::InProcess(_) => Ok(()),
            #[cfg(feature = "python")]
            Self::Workers(workers) => {
                if workers.is_development {
                    tracing::warn!(
                        "development server, not for production (--debug, SELDON_DEBUG): one \
                         worker for each transport, reloaded when the code changes; errors show \
                         clients the component's traceback"
                    );
                }
                Ok(workers.pools.start().await?)
            }
        }
    }

    /// Follows `control` from the end of the load on, until the backend fails.
    pub(crate) async fn run_until_failed(&self, control: Control) -> ServeError {
        match self {
            Self::InProcess(_) => {
                // What it controls are workers.
                drop(control);
                std::future::pending().await
            }
            #[cfg(feature = "python")]
            Self::Workers(workers) => tokio::select! {
                error = workers.pools.failed() => ServeError::GaveUp(error),
                never = workers.reconciler.run(control) => match never {},
            },
        }
    }

    /// Stops what was started: it finishes its requests, for at most `grace`.
    pub(crate) async fn stop(&self, grace: Duration) {
        match self {
            Self::InProcess(_) => {}
            #[cfg(feature = "python")]
            Self::Workers(workers) => workers.reconciler.stop(grace).await,
        }
    }
}
