//! Who is told of requests beside the metrics: the access log and the tracer.

use std::sync::Arc;

use streeling_config::Settings;
#[cfg(feature = "metrics")]
use streeling_core::Figures;
use streeling_core::Observer;
use streeling_tracing::AccessLog;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
use streeling_tracing::Tracer;

#[cfg(any(feature = "jaeger", feature = "otlp"))]
use crate::traces;
use crate::{ServeError, log};

/// Those who are told, as far as the settings want them.
#[derive(Clone)]
pub(crate) struct Told {
    access: Option<Arc<AccessLog>>,
    /// Whether the access log leaves out the metrics port.
    #[cfg(feature = "metrics")]
    filter_scrapes: bool,
    #[cfg(any(feature = "jaeger", feature = "otlp"))]
    tracer: Option<Arc<Tracer>>,
}

impl Told {
    pub(crate) fn start(settings: &Settings) -> Result<Self, ServeError> {
        let access = settings
            .log
            .access
            .then(|| AccessLog::start(log::format(&settings.log)))
            .transpose()
            .map_err(ServeError::AccessLog)?;
        Ok(Self {
            access: access.map(Arc::new),
            #[cfg(feature = "metrics")]
            filter_scrapes: settings.log.filter_scrapes,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            tracer: traces::start(settings)?,
        })
    }

    /// Of requests to the component.
    pub(crate) fn of_requests(&self) -> Vec<Arc<dyn Observer>> {
        let mut told: Vec<Arc<dyn Observer>> = Vec::new();
        if let Some(access) = self.access.clone() {
            told.push(access);
        }
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        if let Some(tracer) = self.tracer.clone() {
            told.push(tracer);
        }
        told
    }

    /// Of requests to the metrics port.
    #[cfg(feature = "metrics")]
    pub(crate) fn of_scrapes(&self) -> Option<Arc<dyn Observer>> {
        let access = self.access.clone().filter(|_| !self.filter_scrapes)?;
        Some(access)
    }

    /// What they know.
    #[cfg(feature = "metrics")]
    pub(crate) fn figures(&self) -> Vec<Figures> {
        let access = self.access.as_ref().map(|access| access.metric_source());
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        let traces = self.tracer.as_ref().map(|tracer| tracer.metric_source());
        #[cfg(not(any(feature = "jaeger", feature = "otlp")))]
        let traces = None;
        let all = [streeling_tracing::log_metric_source(), access, traces];
        all.into_iter().flatten().collect()
    }

    /// Lets them write and send what they still have.
    pub(crate) async fn end(self) {
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        if let Some(tracer) = self.tracer {
            traces::end(tracer).await;
        }
        if let Some(access) = &self.access {
            access.flush();
        }
    }
}
