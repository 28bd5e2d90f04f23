//! Families of series, as a component reports them: names and labels turn up as they come.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use streeling_core::{Method, MetricKind, Table};

use crate::histogram::{BOUNDS, Histogram};
use crate::labels::{Labels, is_label, is_name, is_own};

/// Most samples (lines) of a scrape: a counter or a gauge is one, a timer [`PER_TIMER`].
pub(crate) const MAX_SAMPLES: usize = 25_000;

/// Most bytes of names and labels in a scrape, about.
const MAX_BYTES: usize = 16 << 20;

/// Samples of a timer: its buckets, `+Inf`, count and sum.
pub(crate) const PER_TIMER: usize = BOUNDS + 3;

/// Most bytes of spellings of series that are remembered: the same tags may come in any order, and a tag may
/// be covered by a label of the server's. Beyond that each is spelt out every time.
const MAX_SPELT: usize = MAX_BYTES;

/// Why something reported is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The name, or that of a tag, is none to Prometheus.
    Name,
    /// Its samples would have the names of those of a metric of another kind.
    Clash,
    /// A counter or a timer would never be a number again.
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
                "its name, or that of a tag, is none to Prometheus: allowed are letters, digits and _ (and : \
                 in the name), no digit first, no tag that starts with __ and no tag le of a timer"
            }
            Self::Clash => {
                "a metric of another kind is shown under its name already; choose another key"
            }
            Self::Value => "a counter or a timer needs a finite value",
            Self::Limit => "there are too many series; tags are for values of which there are few",
        }
    }
}

/// Which series is meant, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which<'a> {
    pub(crate) kind: MetricKind,
    pub(crate) key: &'a str,
    pub(crate) tags: Option<&'a Table<String>>,
    pub(crate) method: Method,
    pub(crate) worker: usize,
}

impl Which<'_> {
    fn tags(&self) -> impl Iterator<Item = (&String, &String)> {
        self.tags.into_iter().flatten()
    }

    /// What it takes to keep it, about.
    fn bytes(&self) -> usize {
        let tags = self.tags().map(|(tag, value)| tag.len() + value.len() + 64);
        size_of::<Spelling>() + self.key.len() + tags.sum::<usize>()
    }

    fn owned(self) -> Spelling {
        Spelling {
            kind: self.kind,
            key: self.key.to_owned(),
            tags: self.tags.cloned(),
            method: self.method,
            worker: self.worker,
        }
    }

    /// The name of the family: counters end in `_total`.
    fn family(&self) -> String {
        match self.kind {
            MetricKind::Counter if !self.key.ends_with("_total") => format!("{}_total", self.key),
            MetricKind::Counter | MetricKind::Gauge | MetricKind::Timer => self.key.to_owned(),
        }
    }

    fn is_nameable(&self) -> bool {
        is_name(self.key)
            && self
                .tags()
                .all(|(tag, _)| is_label(tag) && (self.kind != MetricKind::Timer || tag != "le"))
    }
}

impl Hash for Which<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, self.key, self.method, self.worker).hash(state);
        for tag in self.tags() {
            tag.hash(state);
        }
    }
}

/// A [`Which`] that is kept.
#[derive(Debug)]
struct Spelling {
    kind: MetricKind,
    key: String,
    tags: Option<Table<String>>,
    method: Method,
    worker: usize,
}

impl Spelling {
    fn which(&self) -> Which<'_> {
        Which {
            kind: self.kind,
            key: &self.key,
            tags: self.tags.as_ref(),
            method: self.method,
            worker: self.worker,
        }
    }
}

impl Hash for Spelling {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.which().hash(state);
    }
}

impl PartialEq for Spelling {
    fn eq(&self, other: &Self) -> bool {
        self.which().equivalent(other)
    }
}

impl Eq for Spelling {}

impl Equivalent<Spelling> for Which<'_> {
    fn equivalent(&self, spelling: &Spelling) -> bool {
        let other = spelling.which();
        (self.kind, self.key, self.method, self.worker)
            == (other.kind, other.key, other.method, other.worker)
            && self.tags().eq(other.tags())
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

#[derive(Debug)]
struct Place {
    family: Arc<str>,
    series: usize,
}

/// What a scrape shows, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) families: BTreeMap<Arc<str>, Family>,
    /// By [`Reason`].
    pub(crate) dropped: [u64; Reason::ALL.len()],
    /// How long the text is, about.
    pub(crate) bytes: usize,
}

/// All families.
#[derive(Debug)]
pub(crate) struct Store {
    labels: Labels,
    shown: Shown,
    samples: usize,
    spellings: IndexMap<Spelling, Arc<Place>>,
    /// Bytes of these, about.
    spelt: usize,
    /// By family and labels.
    places: HashMap<(Arc<str>, Arc<str>), Arc<Place>>,
    /// Names of samples, with the family that they belong to.
    taken: HashMap<String, Arc<str>>,
}

/// Something reported that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) reason: Reason,
    /// Nothing was dropped for that reason before.
    pub(crate) first: bool,
}

impl Store {
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            shown: Shown::default(),
            samples: 0,
            spellings: IndexMap::new(),
            spelt: 0,
            places: HashMap::new(),
            taken: HashMap::new(),
        }
    }

    /// Takes a value in: milliseconds for a timer.
    pub(crate) fn record(&mut self, which: Which<'_>, value: f64) -> Result<(), Dropped> {
        self.try_record(which, value).map_err(|reason| {
            let count = &mut self.shown.dropped[reason as usize];
            *count += 1;
            Dropped {
                reason,
                first: *count == 1,
            }
        })
    }

    fn try_record(&mut self, which: Which<'_>, value: f64) -> Result<(), Reason> {
        if which.kind != MetricKind::Gauge && !value.is_finite() {
            return Err(Reason::Value);
        }
        let place = match self.spellings.get(&which) {
            Some(place) => Arc::clone(place),
            None => self.place(which)?,
        };
        let family = self.shown.families.get_mut(&place.family);
        let series = family.and_then(|family| family.series.get_mut(place.series));
        match series.map(|series| &mut series.value) {
            Some(Value::Times(times)) => times.observe(value / 1000.0),
            Some(Value::Number(number)) if which.kind == MetricKind::Counter => *number += value,
            Some(Value::Number(number)) => *number = value,
            None => unreachable!("a place is that of a series"),
        }
        Ok(())
    }

    /// The place of a series that was not met in this spelling.
    fn place(&mut self, which: Which<'_>) -> Result<Arc<Place>, Reason> {
        if !which.is_nameable() {
            return Err(Reason::Name);
        }
        let family: Arc<str> = which.family().into();
        let labels: Arc<str> = self.labels.text(which).into();
        let at = (Arc::clone(&family), Arc::clone(&labels));
        let place = match self.places.get(&at) {
            // A counter may be spelt with `_total`, as a gauge of that name is.
            Some(_) if self.shown.families[&family].kind != which.kind => {
                return Err(Reason::Clash);
            }
            Some(place) => Arc::clone(place),
            None => {
                let place = self.open(which.kind, family, labels)?;
                self.places.insert(at, Arc::clone(&place));
                place
            }
        };
        let spelt = which.bytes();
        if self.spelt + spelt <= MAX_SPELT {
            self.spelt += spelt;
            self.spellings.insert(which.owned(), Arc::clone(&place));
        }
        Ok(place)
    }

    /// Opens a series, and its family if it is the first.
    fn open(
        &mut self,
        kind: MetricKind,
        family: Arc<str>,
        labels: Arc<str>,
    ) -> Result<Arc<Place>, Reason> {
        let names = names(kind, &family);
        let known = self.shown.families.get(&family);
        let clashes = match known {
            Some(known) => known.kind != kind,
            None => names
                .iter()
                .any(|name| is_own(name) || self.taken.contains_key(name)),
        };
        if clashes {
            return Err(Reason::Clash);
        }
        let (samples, value) = match kind {
            MetricKind::Counter | MetricKind::Gauge => (1, Value::Number(0.0)),
            MetricKind::Timer => (PER_TIMER, Value::Times(Box::new(Histogram::new()))),
        };
        // A value, a bound and their punctuation.
        let bytes = samples * (family.len() + labels.len() + 40);
        if self.samples + samples > MAX_SAMPLES || self.shown.bytes + bytes > MAX_BYTES {
            return Err(Reason::Limit);
        }
        self.samples += samples;
        self.shown.bytes += bytes;
        if known.is_none() {
            let taken = names.into_iter().map(|name| (name, Arc::clone(&family)));
            self.taken.extend(taken);
        }
        let entry = self.shown.families.entry(Arc::clone(&family));
        let series = &mut entry
            .or_insert_with(|| Family {
                kind,
                series: Vec::new(),
            })
            .series;
        series.push(Series { labels, value });
        let series = series.len() - 1;
        Ok(Arc::new(Place { family, series }))
    }

    pub(crate) fn shown(&self) -> Shown {
        self.shown.clone()
    }
}

/// Names under which the samples of a family, and it itself, are known.
fn names(kind: MetricKind, family: &str) -> Vec<String> {
    let endings: &[&str] = match kind {
        MetricKind::Counter | MetricKind::Gauge => &[""],
        MetricKind::Timer => &["", "_bucket", "_count", "_sum"],
    };
    endings
        .iter()
        .map(|ending| format!("{family}{ending}"))
        .collect()
}
