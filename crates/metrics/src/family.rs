//! What a scrape shows, wherever it comes from: families of series.

use std::sync::Arc;

use streeling_core::MetricKind;

use crate::histogram::Histogram;

/// The kind of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its name ends in `_total`.
    Counter,
    Gauge,
    Histogram,
}

impl From<MetricKind> for Kind {
    fn from(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter,
            MetricKind::Gauge => Self::Gauge,
            MetricKind::Timer => Self::Histogram,
        }
    }
}

/// All series of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) series: Vec<Series>,
}

/// A value with its labels, as [`labels`](crate::text::labels) writes them.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Arc<str>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Written without a point.
    Count(u64),
    Number(f64),
    /// Read when it is written.
    Histogram(Histogram),
}

impl Value {
    /// How many samples, that is lines, it is written as.
    pub(crate) fn samples(&self) -> usize {
        match self {
            Self::Count(_) | Self::Number(_) => 1,
            Self::Histogram(histogram) => Histogram::samples(histogram.bounds()),
        }
    }
}
