//! Numbers that parts of the server know, read at a scrape.

use std::borrow::Cow;
use std::sync::Arc;

/// A number at the moment of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name in Prometheus; what only grows ends in `_total`, and is shown as a counter.
    pub name: &'static str,
    /// One sentence for a person.
    pub help: &'static str,
    /// What tells it from others of its name.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// The number.
    pub value: f64,
}

/// Adds a part's samples; called at every scrape, so it must not wait.
pub type MetricSource = Arc<dyn Fn(&mut Vec<Sample>) + Send + Sync>;
