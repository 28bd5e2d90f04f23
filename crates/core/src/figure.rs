//! Figures that parts of the server know, for whoever looks.

use std::borrow::Cow;
use std::sync::Arc;

/// A number at the moment when somebody looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name in Prometheus; what only grows ends in `_total`, and is shown as a counter.
    pub name: &'static str,
    /// One sentence for a person.
    pub help: &'static str,
    /// What tells it from others of its name.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// The number.
    pub value: f64,
}

/// Adds a part's figures; asked at every scrape, so it waits for nobody.
pub type Figures = Arc<dyn Fn(&mut Vec<Figure>) + Send + Sync>;
