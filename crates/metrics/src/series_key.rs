//! What identifies a series of a component's metric: borrowed from a report, or owned by the store.

use std::hash::{Hash, Hasher};

use indexmap::Equivalent;
use streeling_core::{Method, MetricKind, Table};

use crate::names::{is_label_name, is_metric_name};

/// Identifies a series, borrowed from the report that names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesKey<'a> {
    pub(crate) kind: MetricKind,
    pub(crate) name: &'a str,
    pub(crate) tags: Option<&'a Table<String>>,
    pub(crate) method: Method,
    pub(crate) worker: usize,
}

impl SeriesKey<'_> {
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&String, &String)> {
        self.tags.into_iter().flatten()
    }

    /// Approximate size of the owned key.
    pub(crate) fn bytes(&self) -> usize {
        let tags = self.tags().map(|(tag, value)| tag.len() + value.len() + 64);
        size_of::<OwnedSeriesKey>() + self.name.len() + tags.sum::<usize>()
    }

    pub(crate) fn to_owned(self) -> OwnedSeriesKey {
        OwnedSeriesKey {
            kind: self.kind,
            name: self.name.to_owned(),
            tags: self.tags.cloned(),
            method: self.method,
            worker: self.worker,
        }
    }

    /// The name of the family: counters end in `_total`.
    pub(crate) fn family(&self) -> String {
        match self.kind {
            MetricKind::Counter if !self.name.ends_with("_total") => format!("{}_total", self.name),
            MetricKind::Counter | MetricKind::Gauge | MetricKind::Timer => self.name.to_owned(),
        }
    }

    /// Whether Prometheus accepts the names of the metric and of its tags.
    pub(crate) fn has_valid_names(&self) -> bool {
        let is_valid_tag =
            |tag: &str| is_label_name(tag) && (self.kind != MetricKind::Timer || tag != "le");
        is_metric_name(self.name) && self.tags().all(|(tag, _)| is_valid_tag(tag))
    }
}

impl Hash for SeriesKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, self.name, self.method, self.worker).hash(state);
        for tag in self.tags() {
            tag.hash(state);
        }
    }
}

/// A [`SeriesKey`] that the store keeps.
#[derive(Debug)]
pub(crate) struct OwnedSeriesKey {
    kind: MetricKind,
    name: String,
    tags: Option<Table<String>>,
    method: Method,
    worker: usize,
}

impl OwnedSeriesKey {
    fn borrowed(&self) -> SeriesKey<'_> {
        SeriesKey {
            kind: self.kind,
            name: &self.name,
            tags: self.tags.as_ref(),
            method: self.method,
            worker: self.worker,
        }
    }
}

impl Hash for OwnedSeriesKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl PartialEq for OwnedSeriesKey {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed().equivalent(other)
    }
}

impl Eq for OwnedSeriesKey {}

impl Equivalent<OwnedSeriesKey> for SeriesKey<'_> {
    fn equivalent(&self, owned: &OwnedSeriesKey) -> bool {
        let other = owned.borrowed();
        (self.kind, self.name, self.method, self.worker)
            == (other.kind, other.name, other.method, other.worker)
            && self.tags().eq(other.tags())
    }
}
