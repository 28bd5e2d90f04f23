//! What travels beside a payload: ids, tags, routing, request path, metrics.

use crate::raw::RawJson;
use crate::table::Table;

/// A number that remembers whether it was written as an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Written without point and exponent, and within 64 bits.
    Int(i64),
    /// Anything else.
    Float(f64),
}

impl Number {
    /// The value as a float.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "metric values are floats in the protocol"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// What a metric's value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Added to what is there.
    Counter,
    /// Takes the place of what is there.
    Gauge,
    /// Milliseconds, counted into a histogram of seconds.
    Timer,
}

impl MetricKind {
    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "COUNTER",
            Self::Gauge => "GAUGE",
            Self::Timer => "TIMER",
        }
    }

    /// The kind of a name in messages.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Counter, Self::Gauge, Self::Timer]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One metric that a component reported with a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub key: String,
    /// What the value means.
    pub kind: MetricKind,
    /// The value; milliseconds for a timer.
    pub value: Number,
    /// Labels; `None` when the metric said nothing about them.
    pub tags: Option<Table<String>>,
}

/// The `meta` of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// The id that the caller gave the request, echoed.
    pub id: Option<String>,
    /// Free parameters; a value is any JSON.
    pub tags: Table<RawJson>,
    /// For each router passed, the branch that it chose.
    pub routing: Table<i32>,
    /// For each node of a graph passed, its image.
    pub path: Table<String>,
    /// Metrics of the nodes passed.
    pub metrics: Vec<Metric>,
    /// Fields that the protocol does not know, as they came; a component gets to see them, a
    /// response does not repeat them.
    pub unknown: Table<RawJson>,
}

impl Meta {
    /// Whether there is nothing in it at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id.is_none()
            && self.tags.is_empty()
            && self.routing.is_empty()
            && self.path.is_empty()
            && self.metrics.is_empty()
            && self.unknown.is_empty()
    }
}
