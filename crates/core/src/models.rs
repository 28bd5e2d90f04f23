//! The models that a server serves, by name.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::service::Service;

/// A model that is served.
#[derive(Clone)]
pub struct Model {
    /// The name that protocols with names in their paths know it by.
    pub name: String,
    /// What is called.
    pub service: Arc<dyn Service>,
}

/// The models that a server serves: today one. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Models(Arc<Model>);

impl Models {
    /// One model under its name.
    #[must_use]
    pub fn one(name: impl Into<String>, service: Arc<dyn Service>) -> Self {
        Self(Arc::new(Model {
            name: name.into(),
            service,
        }))
    }

    /// The model of a name; the only one for a caller that names none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownModel`] when there is none of that name.
    pub fn get(&self, name: Option<&str>) -> Result<&Model> {
        match name {
            Some(name) if name != self.0.name => Err(Error::new(
                ErrorKind::UnknownModel,
                format!("no model {name:?} is served here, only {:?}", self.0.name),
            )),
            _ => Ok(&self.0),
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
