//! What travels beside a payload: ids, tags, routing, request path, metrics.

use std::borrow::Cow;

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
#[derive(Clone, Debug, Default)]
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
    /// What the protocol has no type for, where there is any.
    pub untyped: Option<Box<Untyped>>,
}

/// What JSON says in a `meta` and the protocol's types do not.
#[derive(Clone, Debug, Default)]
pub struct Untyped {
    /// All of the `meta` of a request as it came, if only an empty object: what a component gets.
    pub text: Option<RawJson>,
    /// Fields that are of another type than the protocol's; in a response those that it does not
    /// know, too.
    pub fields: Table<RawJson>,
    /// Entries of the path that are no text.
    pub path: Table<RawJson>,
    /// Metrics as the component wrote them, a list of at least one: in a response they follow those
    /// that are typed.
    pub metrics: Option<RawJson>,
}

/// They are equal when they say the same, however it was written.
impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        fn others(meta: &Meta) -> Cow<'_, Untyped> {
            let untyped = meta.untyped.as_deref().map(Cow::Borrowed);
            untyped.unwrap_or_default()
        }
        let (one, two) = (others(self), others(other));
        self.id == other.id
            && self.tags == other.tags
            && self.routing == other.routing
            && self.path == other.path
            && self.metrics == other.metrics
            && one.fields == two.fields
            && one.path == two.path
            && one.metrics == two.metrics
    }
}

impl Meta {
    /// Whether there is nothing in it at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.has_tags_alone()
    }

    /// Whether there is nothing in it beside tags.
    pub(crate) fn has_tags_alone(&self) -> bool {
        self.id.is_none()
            && self.routing.is_empty()
            && self.path.is_empty()
            && self.metrics.is_empty()
            && self.untyped.is_none()
    }

    /// About how many bytes it takes as JSON, to know whether it is large.
    #[must_use]
    pub fn size(&self) -> usize {
        // Quotes, commas, names of fields, a number.
        const ENTRY: usize = 16;
        const METRIC: usize = 64;
        let texts = |table: &Table<RawJson>| -> usize {
            let entries = table.iter();
            entries
                .map(|(key, value)| key.len() + value.as_bytes().len() + ENTRY)
                .sum()
        };
        let path = self.path.iter();
        let untyped = self.untyped.as_ref().map_or(0, |untyped| {
            let metrics = untyped.metrics.as_ref();
            texts(&untyped.fields)
                + texts(&untyped.path)
                + metrics.map_or(0, |metrics| metrics.as_bytes().len())
        });
        self.id.as_ref().map_or(0, String::len)
            + texts(&self.tags)
            + self.routing.len() * 2 * ENTRY
            + path
                .map(|(key, image)| key.len() + image.len() + ENTRY)
                .sum::<usize>()
            + self.metrics.len() * METRIC
            + untyped
    }

    /// A field that the protocol does not know, or not of this type.
    #[must_use]
    pub fn untyped(&self, name: &str) -> Option<&RawJson> {
        self.untyped.as_ref()?.fields.get(name)
    }
}
