//! What is served: a component in this process, or a Python class in worker processes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use streeling_config::{ComponentName, InterfaceName, Settings};
use streeling_core::{Annotate, Budget, Layer as _, Models, Observers, Service};
use tokio::sync::watch;

use crate::control::Control;
use crate::error::ServeError;
use crate::ports::PortModels;
#[cfg(feature = "python")]
use {
    crate::{layout, pools::Pools, reconciler::Reconciler},
    streeling_python::Pool,
};

/// A component with what keeps it running.
pub(crate) enum Backend {
    /// It needs no load and no workers, and does not fail.
    InProcess(Arc<dyn Service>),
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
    /// The component, or else what the settings name. Nothing is started yet, but what a setting
    /// can mend is found here.
    pub(crate) fn new(
        settings: &Settings,
        service: Option<Arc<dyn Service>>,
        budget: &Budget,
    ) -> Result<Self, ServeError> {
        if let Some(service) = service {
            return Ok(Self::InProcess(service));
        }
        match &settings.component.interface {
            ComponentName::BuiltIn(name) => builtin(name, settings).map(Self::InProcess),
            ComponentName::Onnx(file) => onnx(file, settings).map(Self::InProcess),
            ComponentName::Python(class) => Self::python(class, settings, budget),
        }
    }

    #[cfg(feature = "python")]
    fn python(
        class: &InterfaceName,
        settings: &Settings,
        budget: &Budget,
    ) -> Result<Self, ServeError> {
        let pools = Pools::new(class, settings, budget)?;
        Ok(Self::Workers(Workers {
            reconciler: Reconciler::new(settings, pools.clone())?,
            pools,
            is_development: settings.development.enabled,
        }))
    }

    #[cfg(not(feature = "python"))]
    fn python(class: &InterfaceName, _: &Settings, _: &Budget) -> Result<Self, ServeError> {
        Err(ServeError::without_python(class))
    }

    /// The model on each port, with the server's own layer around it.
    pub(crate) fn models(&self, settings: &Settings, observers: &Observers) -> PortModels {
        let annotate = Annotate {
            id: settings.identity.unit.clone(),
            image: settings.identity.image.clone(),
            metrics_in_response: settings.metrics.in_response,
            observers: observers.clone(),
        };
        let name = settings.identity.model.as_str();
        let model = |service: Arc<dyn Service>| Models::one(name, annotate.clone().layer(service));
        match self {
            Self::InProcess(service) => {
                let model = model(Arc::clone(service));
                PortModels {
                    rest: Some(model.clone()),
                    grpc: Some(model),
                }
            }
            #[cfg(feature = "python")]
            Self::Workers(workers) => {
                let model = |pool: &Pool| model(Arc::new(pool.clone()));
                PortModels {
                    rest: workers.pools.rest().map(model),
                    grpc: workers.pools.grpc().map(model),
                }
            }
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

    /// The workers, if it has any.
    #[cfg(feature = "python")]
    pub(crate) fn pools(&self) -> Option<Pools> {
        match self {
            Self::InProcess(_) => None,
            Self::Workers(workers) => Some(workers.pools.clone()),
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

    /// Logs what is about to be loaded, and by what.
    pub(crate) fn announce(&self, settings: &Settings) {
        let version = env!("CARGO_PKG_VERSION");
        match self {
            Self::InProcess(_) => tracing::info!(
                "streeling {version} serves the component {} in Rust ({})",
                settings.component.interface,
                settings.component.service_type.as_str()
            ),
            #[cfg(feature = "python")]
            Self::Workers(_) => tracing::info!(
                "streeling {version} loads {} ({}) with {}; {}; defaults {}",
                settings.component.interface,
                settings.component.service_type.as_str(),
                settings.python.interpreter.display(),
                layout::workers(settings),
                layout::defaults(settings)
            ),
        }
    }

    /// Loads the component, in every worker.
    pub(crate) async fn load(&self, settings: &Settings) -> Result<(), ServeError> {
        #[cfg(not(feature = "python"))]
        let _ = settings;
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
                workers.pools.start().await?;
                workers.pools.describe(settings);
                Ok(())
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
    #[cfg_attr(
        not(feature = "python"),
        expect(unused_variables, reason = "only workers are stopped")
    )]
    pub(crate) async fn stop(&self, grace: Duration) {
        match self {
            Self::InProcess(_) => {}
            #[cfg(feature = "python")]
            Self::Workers(workers) => workers.reconciler.stop(grace).await,
        }
    }
}

/// The component of this name that is compiled in.
#[cfg(feature = "builtin")]
pub(crate) fn builtin(name: &str, settings: &Settings) -> Result<Arc<dyn Service>, ServeError> {
    let parameters = settings.component.parameters.to_python_json();
    Ok(streeling_builtin::component(name, &parameters)?)
}

#[cfg(not(feature = "builtin"))]
pub(crate) fn builtin(name: &str, _: &Settings) -> Result<Arc<dyn Service>, ServeError> {
    Err(ServeError::Feature {
        usage: format!("serving the component rust:{name} (interface_name)"),
        feature: "builtin",
    })
}

/// The component of an ONNX file.
#[cfg(feature = "onnx")]
pub(crate) fn onnx(file: &Path, settings: &Settings) -> Result<Arc<dyn Service>, ServeError> {
    let parameters = settings.component.parameters.to_python_json();
    Ok(streeling_onnx::component(file, &parameters)?)
}

#[cfg(not(feature = "onnx"))]
pub(crate) fn onnx(file: &Path, _: &Settings) -> Result<Arc<dyn Service>, ServeError> {
    Err(ServeError::Feature {
        usage: format!("serving the file onnx:{} (interface_name)", file.display()),
        feature: "onnx",
    })
}
