//! The observers beside the metrics: the access log and the tracer.

use std::sync::Arc;

use streeling_config::Settings;
#[cfg(feature = "metrics")]
use streeling_core::MetricSource;
use streeling_core::Observer;
use streeling_tracing::AccessLog;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
use streeling_tracing::Tracer;

use crate::error::ServeError;
use crate::log;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
use crate::traces;

/// The observers that the settings switch on. Clones share them.
#[derive(Clone)]
pub(crate) struct Observability {
    access_log: Option<Arc<AccessLog>>,
    /// Whether the access log leaves out the metrics port.
    #[cfg(feature = "metrics")]
    filter_scrapes: bool,
    #[cfg(any(feature = "jaeger", feature = "otlp"))]
    tracer: Option<Arc<Tracer>>,
}

impl Observability {
    pub(crate) fn start(settings: &Settings) -> Result<Self, ServeError> {
        let access_log = settings
            .log
            .access
            .then(|| AccessLog::start(log::format(&settings.log)))
            .transpose()
            .map_err(ServeError::Streams)?;
        Ok(Self {
            access_log: access_log.map(Arc::new),
            #[cfg(feature = "metrics")]
            filter_scrapes: settings.log.filter_scrapes,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            tracer: traces::start(settings)?,
        })
    }

    /// The observers of requests to the component.
    pub(crate) fn of_requests(&self) -> Vec<Arc<dyn Observer>> {
        let mut observers: Vec<Arc<dyn Observer>> = Vec::new();
        if let Some(access_log) = self.access_log.clone() {
            observers.push(access_log);
        }
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        if let Some(tracer) = self.tracer.clone() {
            observers.push(tracer);
        }
        observers
    }

    /// The observer of requests to the metrics port.
    #[cfg(feature = "metrics")]
    pub(crate) fn of_scrapes(&self) -> Option<Arc<dyn Observer>> {
        let access_log = self.access_log.clone().filter(|_| !self.filter_scrapes)?;
        Some(access_log)
    }

    /// The metrics of the logs and the tracer themselves.
    #[cfg(feature = "metrics")]
    pub(crate) fn metric_sources(&self) -> Vec<MetricSource> {
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        let traces = self.tracer.as_ref().map(|tracer| tracer.metric_source());
        #[cfg(not(any(feature = "jaeger", feature = "otlp")))]
        let traces = None;
        let streams = streeling_tracing::stream_metric_source();
        std::iter::once(streams).chain(traces).collect()
    }

    /// Exports the last spans and writes the last lines.
    pub(crate) async fn stop(self) {
        #[cfg(any(feature = "jaeger", feature = "otlp"))]
        if let Some(tracer) = self.tracer {
            traces::stop(tracer).await;
        }
        streeling_tracing::flush_streams();
    }
}
