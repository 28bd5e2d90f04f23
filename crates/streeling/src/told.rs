//! Who is told of requests beside the metrics: the access log.

use std::sync::Arc;

use streeling_config::Settings;
use streeling_core::{Figures, Observer};
use streeling_tracing::AccessLog;

use crate::{ServeError, log};

/// Those who are told, as far as the settings want them.
#[derive(Clone)]
pub(crate) struct Told {
    access: Option<Arc<AccessLog>>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody scrapes"))]
    filter_scrapes: bool,
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
            filter_scrapes: settings.log.filter_scrapes,
        })
    }

    /// Of requests to the component.
    pub(crate) fn of_requests(&self) -> impl Iterator<Item = Arc<dyn Observer>> + use<> {
        let access = self.access.clone();
        access.map(|access| access as Arc<dyn Observer>).into_iter()
    }

    /// Of requests to the metrics port.
    #[cfg(feature = "metrics")]
    pub(crate) fn of_scrapes(&self) -> impl Iterator<Item = Arc<dyn Observer>> + use<> {
        let access = self.access.clone().filter(|_| !self.filter_scrapes);
        access.map(|access| access as Arc<dyn Observer>).into_iter()
    }

    /// What they know.
    #[cfg(feature = "metrics")]
    pub(crate) fn figures(&self) -> impl Iterator<Item = Figures> + use<> {
        let access = self.access.as_ref().map(|access| access.figures());
        streeling_tracing::log_figures().into_iter().chain(access)
    }

    /// Lets them write what they still have.
    pub(crate) fn end(&self) {
        if let Some(access) = &self.access {
            access.flush();
        }
    }
}
