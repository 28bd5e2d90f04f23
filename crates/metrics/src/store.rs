//! Families of series as components report them. Their names and labels are not known beforehand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use streeling_core::MetricKind;

use crate::histogram::{BOUNDS, Histogram};
use crate::labels::Labels;
use crate::names::is_reserved;
use crate::series_key::{OwnedSeriesKey, SeriesKey};

/// Most samples (lines) of a scrape: a counter or a gauge is one, a timer [`SAMPLES_PER_TIMER`].
pub(crate) const MAX_SAMPLES: usize = 25_000;

/// Most bytes of names and labels in a scrape, approximately.
const MAX_BYTES: usize = 16 << 20;

/// Samples of a timer: its buckets, `+Inf`, count and sum.
pub(crate) const SAMPLES_PER_TIMER: usize = BOUNDS + 3;

/// Most bytes of keys that are remembered. One series may have several keys: the same tags may come
/// in any order, and a label of the server may hide a tag. The labels of a key that is not
/// remembered are written for every report.
const MAX_KEY_BYTES: usize = MAX_BYTES;

/// Why a reported value is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Prometheus does not accept its name, or that of a tag.
    Name,
    /// Its samples would have the names of those of a metric of another kind.
    Clash,
    /// It would make a counter or a timer NaN or infinite for ever.
    Value,
    /// There is no room.
    Limit,
}

impl Reason {
    pub(crate) const ALL: [Self; 4] = [Self::Name, Self::Clash, Self::Value, Self::Limit];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Clash => "clash",
            Self::Value => "value",
            Self::Limit => "limit",
        }
    }

    /// What is wrong, and what is allowed.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Name => {
                "Prometheus does not accept its name, or that of a tag; allowed are letters, \
                 digits and _ (and : in the name), no digit first, no tag that starts with __ and \
                 no tag le of a timer"
            }
            Self::Clash => "a metric of another kind has its name already; choose another key",
            Self::Value => "a counter or a timer must have a finite value",
            Self::Limit => "there are too many series; use tags that have few different values",
        }
    }
}

/// A value with its labels, which are text already: `a="x",b="y"`.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Arc<str>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Number(f64),
    Times(Box<Histogram>),
}

/// All series of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) kind: MetricKind,
    pub(crate) series: Vec<Series>,
}

/// Where a series is in a [`Snapshot`].
#[derive(Debug)]
struct SeriesIndex {
    family: Arc<str>,
    series: usize,
}

/// All families at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) families: BTreeMap<Arc<str>, Family>,
    /// By [`Reason`].
    pub(crate) dropped: [u64; Reason::ALL.len()],
    /// Approximate length of the text.
    pub(crate) bytes: usize,
}

/// All families.
#[derive(Debug)]
pub(crate) struct Store {
    labels: Labels,
    current: Snapshot,
    samples: usize,
    by_key: IndexMap<OwnedSeriesKey, Arc<SeriesIndex>>,
    /// Approximate size of these keys.
    key_bytes: usize,
    /// By family and labels.
    by_labels: HashMap<(Arc<str>, Arc<str>), Arc<SeriesIndex>>,
    /// Names of samples, with the family that they belong to.
    used_names: HashMap<String, Arc<str>>,
}

/// A reported value that was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) reason: Reason,
    /// Whether it is the first one for that reason.
    pub(crate) first: bool,
}

impl Store {
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            current: Snapshot::default(),
            samples: 0,
            by_key: IndexMap::new(),
            key_bytes: 0,
            by_labels: HashMap::new(),
            used_names: HashMap::new(),
        }
    }

    /// Records a value. That of a timer is in milliseconds.
    pub(crate) fn record(&mut self, key: SeriesKey<'_>, value: f64) -> Result<(), Dropped> {
        self.try_record(key, value).map_err(|reason| {
            let count = &mut self.current.dropped[reason as usize];
            *count += 1;
            Dropped {
                reason,
                first: *count == 1,
            }
        })
    }

    fn try_record(&mut self, key: SeriesKey<'_>, value: f64) -> Result<(), Reason> {
        if key.kind != MetricKind::Gauge && !value.is_finite() {
            return Err(Reason::Value);
        }
        let index = match self.by_key.get(&key) {
            Some(index) => Arc::clone(index),
            None => self.index(key)?,
        };
        let family = self.current.families.get_mut(&index.family);
        let series = family.and_then(|family| family.series.get_mut(index.series));
        match series.map(|series| &mut series.value) {
            Some(Value::Times(times)) => times.observe(value / 1000.0),
            Some(Value::Number(number)) if key.kind == MetricKind::Counter => *number += value,
            Some(Value::Number(number)) => *number = value,
            None => unreachable!("an index points to a series"),
        }
        Ok(())
    }

    /// The index of a series whose key is not remembered.
    fn index(&mut self, key: SeriesKey<'_>) -> Result<Arc<SeriesIndex>, Reason> {
        if !key.has_valid_names() {
            return Err(Reason::Name);
        }
        let family: Arc<str> = key.family().into();
        let labels: Arc<str> = self.labels.text(key).into();
        let by = (Arc::clone(&family), Arc::clone(&labels));
        let index = match self.by_labels.get(&by) {
            // A counter `calls` and a gauge `calls_total` have the same family.
            Some(_) if self.current.families[&family].kind != key.kind => {
                return Err(Reason::Clash);
            }
            Some(index) => Arc::clone(index),
            None => {
                let index = self.add(key.kind, family, labels)?;
                self.by_labels.insert(by, Arc::clone(&index));
                index
            }
        };
        let key_bytes = key.bytes();
        if self.key_bytes + key_bytes <= MAX_KEY_BYTES {
            self.key_bytes += key_bytes;
            self.by_key.insert(key.to_owned(), Arc::clone(&index));
        }
        Ok(index)
    }

    /// Adds a series, and its family if it is the first.
    fn add(
        &mut self,
        kind: MetricKind,
        family: Arc<str>,
        labels: Arc<str>,
    ) -> Result<Arc<SeriesIndex>, Reason> {
        let names = sample_names(kind, &family);
        let known = self.current.families.get(&family);
        let clashes = match known {
            Some(known) => known.kind != kind,
            None => names
                .iter()
                .any(|name| is_reserved(name) || self.used_names.contains_key(name)),
        };
        if clashes {
            return Err(Reason::Clash);
        }
        let (samples, value) = match kind {
            MetricKind::Counter | MetricKind::Gauge => (1, Value::Number(0.0)),
            MetricKind::Timer => (SAMPLES_PER_TIMER, Value::Times(Box::new(Histogram::new()))),
        };
        // 40 bytes are for a value, a bound and the punctuation.
        let bytes = samples * (family.len() + labels.len() + 40);
        if self.samples + samples > MAX_SAMPLES || self.current.bytes + bytes > MAX_BYTES {
            return Err(Reason::Limit);
        }
        self.samples += samples;
        self.current.bytes += bytes;
        if known.is_none() {
            let used = names.into_iter().map(|name| (name, Arc::clone(&family)));
            self.used_names.extend(used);
        }
        let entry = self.current.families.entry(Arc::clone(&family));
        let series = &mut entry
            .or_insert_with(|| Family {
                kind,
                series: Vec::new(),
            })
            .series;
        series.push(Series { labels, value });
        let series = series.len() - 1;
        Ok(Arc::new(SeriesIndex { family, series }))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.current.clone()
    }
}

/// The names of a family and of its samples.
fn sample_names(kind: MetricKind, family: &str) -> Vec<String> {
    let endings: &[&str] = match kind {
        MetricKind::Counter | MetricKind::Gauge => &[""],
        MetricKind::Timer => &["", "_bucket", "_count", "_sum"],
    };
    endings
        .iter()
        .map(|ending| format!("{family}{ending}"))
        .collect()
}
