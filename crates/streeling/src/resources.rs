//! What a server holds before it serves: its pid file, its ports and its observers.

use streeling_config::Settings;
use streeling_core::Observers;

#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
use crate::access::Access;
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
use crate::connections::PortConnections;
use crate::error::ServeError;
use crate::observability::Observability;
use crate::pidfile::Pidfile;
use crate::ports::Ports;
#[cfg(feature = "metrics")]
use crate::probes;

pub(crate) struct Resources {
    #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
    pub(crate) access: Access,
    pub(crate) pidfile: Option<Pidfile>,
    pub(crate) ports: Ports,
    #[cfg(any(feature = "rest", feature = "grpc"))]
    pub(crate) connections: PortConnections,
    #[cfg(feature = "metrics")]
    pub(crate) probes: probes::Bound,
    pub(crate) observability: Observability,
}

impl Resources {
    /// Reads the files of TLS and tokens, claims the pid file, reserves the ports and starts the
    /// observers.
    pub(crate) fn reserve(settings: &Settings) -> Result<Self, ServeError> {
        #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
        let access = Access::load(settings)?;
        #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
        access.follow()?;
        let pidfile = settings.workers.pidfile.as_deref().map(Pidfile::claim);
        #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
        let connections = PortConnections::new(settings);
        Ok(Self {
            pidfile: pidfile.transpose()?,
            ports: Ports::bind(settings)?,
            #[cfg(feature = "metrics")]
            probes: probes::Bound::new(settings, access.of_metrics(settings), &connections)?,
            #[cfg(any(feature = "rest", feature = "grpc"))]
            connections,
            observability: Observability::start(settings)?,
            #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
            access,
        })
    }

    /// The observers of requests to the component.
    pub(crate) fn observers(&self) -> Observers {
        let observers = self.observability.of_requests().into_iter();
        #[cfg(feature = "metrics")]
        let observers = observers.chain([self.probes.observer()]);
        observers.collect()
    }
}
