//! The model that is served.

use std::sync::Arc;

use streeling_codec::oip::Served;
use streeling_codec::oip::proto::ModelName;
use streeling_core::{Error, ErrorKind, Result};

/// Loads the model again, sooner or later.
pub type Reload = Arc<dyn Fn() + Send + Sync>;

/// The model that is served.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) served: Served,
    pub(super) reload: Option<Reload>,
}

impl Model {
    /// Refuses what is for another model, or for another version of this one.
    pub(super) fn expect(&self, model: ModelName<'_>) -> Result<()> {
        let Served { name, version } = &self.served;
        if model.name != name {
            let given = shortened(model.name);
            let info = format!("no model {given:?} is served here, only {name:?}");
            return Err(Error::new(ErrorKind::UnknownModel, info));
        }
        let there = match version {
            _ if model.version.is_empty() => return Ok(()),
            Some(known) if known == model.version => return Ok(()),
            Some(known) => format!("only {known:?}"),
            None => "it has none".to_owned(),
        };
        let given = shortened(model.version);
        let info = format!("no version {given:?} of model {name:?} is served here, {there}");
        Err(Error::new(ErrorKind::UnknownModel, info))
    }
}

/// As much of a client's text as an error repeats.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    text.chars().take(LONGEST).collect()
}
