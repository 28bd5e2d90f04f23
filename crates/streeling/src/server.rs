//! Puts settings, component and transports together, and takes them apart again.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "python")]
use std::time::Instant;

use streeling_config::Settings;
use streeling_core::{Component, Observers, Unit, UnitConfig};
use tokio::sync::watch;

use crate::control::{Control, controller};
use crate::health::Health;
use crate::pidfile::{Pidfile, PidfileError};
use crate::ports::{Ports, Units};
use crate::told::Told;

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
    /// A port cannot be had.
    #[cfg(feature = "metrics")]
    #[error(
        "{0}: choose another metrics port with --metrics-port or PREDICTIVE_UNIT_METRICS_SERVICE_PORT"
    )]
    MetricsPort(#[source] streeling_metrics::BindError),
    /// The pid file cannot be used.
    #[error(transparent)]
    Pidfile(#[from] PidfileError),
    /// The component could not be loaded.
    #[cfg(feature = "python")]
    #[error(transparent)]
    Component(#[from] streeling_python::StartError),
    /// Workers were lost, and no new one came to serve.
    #[cfg(feature = "python")]
    #[error("the server gives up: {0}")]
    GaveUp(#[source] streeling_python::StartError),
    /// Spans cannot be sent as the settings say.
    #[cfg(any(feature = "jaeger", feature = "otlp"))]
    #[error(transparent)]
    Traces(#[from] streeling_tracing::StartError),
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
    /// The system gave no thread that watches the code.
    #[cfg(feature = "python")]
    #[error("cannot watch the component's code: {0}")]
    Watch(#[source] std::io::Error),
    /// The system gave no thread that writes the access log.
    #[error("cannot write the access log: {0}")]
    AccessLog(#[source] std::io::Error),
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
            #[cfg(feature = "metrics")]
            Self::MetricsPort(_) => 2,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            Self::Traces(streeling_tracing::StartError::Thread(_)) => 1,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            Self::Traces(streeling_tracing::StartError::Backend { .. }) => 2,
            Self::Pidfile(_) | Self::Feature { .. } | Self::Nothing => 2,
            #[cfg(feature = "python")]
            Self::Component(_) | Self::GaveUp(_) | Self::Watch(_) => 1,
            Self::AccessLog(_) | Self::Signals(_) => 1,
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

    /// Runs until told to end: takes the ports, loads the component, serves, and takes everything
    /// down in order.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the server does not come to serve, or cannot go on. A port that is taken, and a
    /// pid file that names another server, are found before anything is loaded.
    pub async fn run(self, control: Control) -> Result<(), ServeError> {
        let settings = &self.settings;
        let place = Place {
            pidfile: settings
                .pidfile
                .as_deref()
                .map(Pidfile::claim)
                .transpose()?,
            ports: Ports::bind(settings)?,
            #[cfg(feature = "metrics")]
            probes: crate::probes::Bound::new(settings)?,
            told: Told::start(settings)?,
        };
        let told = place.told.clone();
        let ended = match &self.component {
            Some(component) => {
                let unit = Unit::new(Arc::clone(component), place.unit_config(settings));
                place.run_here(unit, control).await
            }
            None => self.run_python(place, control).await,
        };
        told.end().await;
        ended
    }

    #[cfg(not(feature = "python"))]
    async fn run_python(self, _place: Place, _control: Control) -> Result<(), ServeError> {
        Err(ServeError::Feature {
            asked: format!(
                "serving the Python class {} (interface_name)",
                self.settings.interface
            ),
            feature: "python",
        })
    }

    #[cfg(feature = "python")]
    async fn run_python(self, place: Place, mut control: Control) -> Result<(), ServeError> {
        use std::pin::pin;

        use crate::upkeep::{Sources, Upkeep};

        let settings = &self.settings;
        let pools = crate::python::Pools::new(settings);
        let units = pools.units(&place.unit_config(settings));
        #[cfg(feature = "metrics")]
        pools.show_to(place.probes.registry());
        let changes = if settings.debug {
            tracing::warn!(
                "development server, not for production (--debug, SELDON_DEBUG): one worker for each \
                 transport, reloaded when the code changes; errors tell clients the component's traceback"
            );
            // From before the load, so that no change is missed.
            Some(crate::watch::python_files(&settings.python.app_dir).map_err(ServeError::Watch)?)
        } else {
            None
        };
        let upkeep = Upkeep::new(settings, &pools);
        let (loaded, is_loaded) = watch::channel(false);
        let health = Health::new(is_loaded.clone(), pools.live());
        #[cfg(feature = "metrics")]
        let probes = place.probes.serve(health.clone(), &place.told)?;
        let deadline = settings.workers.bind_deadline;
        let mut start = pin!(pools.start());
        let in_time = tokio::select! {
            started = &mut start => { started?; true }
            () = tokio::time::sleep(deadline) => false,
            _ = control.stopped() => return Ok(()),
        };
        if !in_time {
            tracing::warn!(
                "still loading after {deadline:?}: the ports open (--bind-deadline, \
                 STREELING_BIND_DEADLINE), and requests are refused until the load has ended"
            );
        }
        loaded.send_replace(in_time);
        let (ender, end) = controller();
        let (ports, pidfile) = (place.ports.listen()?, written(place.pidfile)?);
        let mut serving = pin!(ports.serve(units, is_loaded, health.clone(), end));
        let keeps_up = upkeep.run(Sources {
            control: control.clone(),
            changes,
        });
        let fails = async {
            if !in_time {
                if let Err(error) = start.await {
                    return ServeError::Component(error);
                }
                loaded.send_replace(true);
            }
            tokio::select! {
                error = pools.failed() => ServeError::GaveUp(error),
                never = keeps_up => match never {},
            }
        };
        let (grace, ended) = tokio::select! {
            () = &mut serving => (std::time::Duration::ZERO, Ok(())),
            grace = control.stopped() => (grace, Ok(())),
            error = fails => (settings.workers.graceful_timeout, Err(error)),
        };
        health.drain();
        let until = Instant::now() + grace;
        ender.stop(grace);
        serving.await;
        // One grace for both: the pod's own does not wait.
        upkeep
            .stop(until.saturating_duration_since(Instant::now()))
            .await;
        drop(pidfile);
        #[cfg(feature = "metrics")]
        probes.end().await;
        ended
    }
}

/// What a server holds before it serves.
struct Place {
    pidfile: Option<Pidfile>,
    ports: Ports,
    #[cfg(feature = "metrics")]
    probes: crate::probes::Bound,
    told: Told,
}

impl Place {
    fn unit_config(&self, settings: &Settings) -> UnitConfig {
        UnitConfig {
            id: settings.identity.unit.clone(),
            image: settings.identity.image.clone(),
            metrics_in_answer: settings.metrics.in_response,
            observers: self.observers(),
        }
    }

    /// Who is told of requests.
    fn observers(&self) -> Observers {
        let observers = self.told.of_requests().into_iter();
        #[cfg(feature = "metrics")]
        let observers = observers.chain([self.probes.observer()]);
        observers.collect()
    }

    /// Serves what needs no load and no workers.
    async fn run_here(self, unit: Unit, mut control: Control) -> Result<(), ServeError> {
        let (_loaded, ready) = watch::channel(true);
        let health = Health::new(ready.clone(), Vec::new());
        #[cfg(feature = "metrics")]
        let probes = self.probes.serve(health.clone(), &self.told)?;
        let (ender, end) = controller();
        let (ports, _pidfile) = (self.ports.listen()?, written(self.pidfile)?);
        let units = Units {
            rest: Some(unit.clone()),
            grpc: Some(unit),
        };
        tokio::join!(ports.serve(units, ready, health.clone(), end), async {
            let grace = control.stopped().await;
            health.drain();
            ender.stop(grace);
        });
        #[cfg(feature = "metrics")]
        probes.end().await;
        Ok(())
    }
}

fn written(pidfile: Option<Pidfile>) -> Result<Option<Pidfile>, PidfileError> {
    pidfile
        .map(|mut file| file.write().map(|()| file))
        .transpose()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
