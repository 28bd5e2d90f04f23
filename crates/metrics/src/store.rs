//! Families of series as components report them. Their names and labels are not known beforehand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::family::{Family, Kind, Series, Value};
use crate::histogram::{Histogram, TIMER_SECONDS};
use crate::labels::Labels;
use crate::names::is_reserved;
use crate::series_key::{OwnedSeriesKey, SeriesKey};
use crate::text;

/// Counts feedback with a reward.
pub(crate) const FEEDBACK: &str = "seldon_api_model_feedback_total";

/// Sums up rewards.
pub(crate) const REWARD: &str = "seldon_api_model_feedback_reward_total";

/// Counts reported values that were dropped.
pub(crate) const DROPPED: &str = "streeling_metrics_dropped_total";

/// Most samples (lines) of a scrape: a counter or a gauge is one, a timer [`SAMPLES_PER_TIMER`].
pub(crate) const MAX_SAMPLES: usize = 25_000;

/// Most bytes of names and labels in a scrape, approximately.
const MAX_BYTES: usize = 16 << 20;

/// Samples of a timer.
pub(crate) const SAMPLES_PER_TIMER: usize = Histogram::samples(&TIMER_SECONDS);

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

/// Where a series is: in which family of the store, and where there.
#[derive(Clone, Copy, Debug)]
struct SeriesIndex {
    family: usize,
    series: usize,
}

/// All families.
#[derive(Debug)]
pub(crate) struct Store {
    labels: Labels,
    families: IndexMap<Arc<str>, Family>,
    samples: usize,
    /// Approximate length of their text.
    bytes: usize,
    /// By [`Reason`].
    dropped: [u64; Reason::ALL.len()],
    by_key: IndexMap<OwnedSeriesKey, SeriesIndex>,
    /// Approximate size of these keys.
    key_bytes: usize,
    /// By the index of the family, and by labels.
    by_labels: HashMap<(usize, Arc<str>), SeriesIndex>,
    /// Names of samples.
    used_names: HashSet<String>,
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
            families: IndexMap::new(),
            samples: 0,
            bytes: 0,
            dropped: Default::default(),
            by_key: IndexMap::new(),
            key_bytes: 0,
            by_labels: HashMap::new(),
            used_names: HashSet::new(),
        }
    }

    /// Records a value. That of a timer is in milliseconds.
    pub(crate) fn record(&mut self, key: SeriesKey<'_>, value: f64) -> Result<(), Dropped> {
        self.try_record(key, value).map_err(|reason| {
            let count = &mut self.dropped[reason as usize];
            *count += 1;
            Dropped {
                reason,
                first: *count == 1,
            }
        })
    }

    fn try_record(&mut self, key: SeriesKey<'_>, value: f64) -> Result<(), Reason> {
        let kind = Kind::from(key.kind);
        if kind != Kind::Gauge && !value.is_finite() {
            return Err(Reason::Value);
        }
        let index = match self.by_key.get(&key) {
            Some(index) => *index,
            None => self.index(key)?,
        };
        match &mut self.families[index.family].series[index.series].value {
            Value::Histogram(times) => times.observe(value / 1000.0),
            Value::Number(number) if kind == Kind::Counter => *number += value,
            Value::Number(number) => *number = value,
            Value::Count(_) => unreachable!("no component reports one"),
        }
        Ok(())
    }

    /// The index of a series whose key is not remembered.
    fn index(&mut self, key: SeriesKey<'_>) -> Result<SeriesIndex, Reason> {
        if !key.has_valid_names() {
            return Err(Reason::Name);
        }
        let (kind, name) = (Kind::from(key.kind), key.family());
        let family = match self.families.get_full(&*name) {
            // A counter `calls` and a gauge `calls_total` have the same family.
            Some((_, _, known)) if known.kind != kind => return Err(Reason::Clash),
            Some((index, _, _)) => index,
            None => self.families.len(),
        };
        let by = (family, self.labels.text(key));
        let index = match self.by_labels.get(&by) {
            Some(index) => *index,
            None => {
                let index = self.add(kind, &name, &by.1)?;
                self.by_labels.insert(by, index);
                index
            }
        };
        let key_bytes = key.bytes();
        if self.key_bytes + key_bytes <= MAX_KEY_BYTES {
            self.key_bytes += key_bytes;
            self.by_key.insert(key.to_owned(), index);
        }
        Ok(index)
    }

    /// Adds a series, and its family if it is the first.
    fn add(&mut self, kind: Kind, name: &str, labels: &Arc<str>) -> Result<SeriesIndex, Reason> {
        let names = if self.families.contains_key(name) {
            Vec::new()
        } else {
            sample_names(kind, name)
        };
        let is_taken = |name: &String| is_reserved(name) || self.used_names.contains(name);
        if names.iter().any(is_taken) {
            return Err(Reason::Clash);
        }
        let samples = match kind {
            Kind::Counter | Kind::Gauge => 1,
            Kind::Histogram => SAMPLES_PER_TIMER,
        };
        let bytes = samples * text::sample_bytes(name, labels);
        if self.samples + samples > MAX_SAMPLES || self.bytes + bytes > MAX_BYTES {
            return Err(Reason::Limit);
        }
        self.samples += samples;
        self.bytes += bytes;
        self.used_names.extend(names);
        let name: Arc<str> = name.into();
        let entry = self.families.entry(Arc::clone(&name));
        let family = entry.index();
        let series = &mut entry
            .or_insert_with(|| Family {
                help: help(&name),
                name,
                kind,
                series: Vec::new(),
            })
            .series;
        series.push(Series {
            labels: Arc::clone(labels),
            value: match kind {
                Kind::Counter | Kind::Gauge => Value::Number(0.0),
                Kind::Histogram => Value::Histogram(Histogram::new(&TIMER_SECONDS)),
            },
        });
        let series = series.len() - 1;
        Ok(SeriesIndex { family, series })
    }

    /// The families, in the order in which they were first reported.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.families.values().cloned().collect()
    }

    /// The family that counts what was dropped.
    pub(crate) fn dropped(&self) -> Family {
        let series = Reason::ALL.map(|reason| Series {
            labels: text::labels([("reason", reason.label())]),
            value: Value::Count(self.dropped[reason as usize]),
        });
        Family {
            name: DROPPED.into(),
            kind: Kind::Counter,
            help: "Reported values that were dropped, by reason.",
            series: series.into(),
        }
    }
}

fn help(family: &str) -> &'static str {
    match family {
        FEEDBACK => "Feedback with a reward.",
        REWARD => "Sum of the rewards.",
        _ => "Reported by the component.",
    }
}

/// The names of a family and of its samples.
fn sample_names(kind: Kind, family: &str) -> Vec<String> {
    let endings: &[&str] = match kind {
        Kind::Counter | Kind::Gauge => &[""],
        Kind::Histogram => &["", "_bucket", "_count", "_sum"],
    };
    endings
        .iter()
        .map(|ending| format!("{family}{ending}"))
        .collect()
}
