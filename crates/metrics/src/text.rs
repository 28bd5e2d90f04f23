//! The two text formats: Prometheus' own, version 0.0.4, and OpenMetrics, version 1.0.0.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Arguments, Write as _};

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use streeling_core::{MetricKind, Sample};

use crate::histogram::{Histogram, UPPER_BOUNDS};
use crate::labels::push_escaped;
use crate::requests::{Exemplar, REQUEST_SECONDS};
use crate::store::{Reason, Series, Snapshot, Value};

/// Counts reported values that were dropped.
pub(crate) const DROPPED: &str = "streeling_metrics_dropped_total";

/// Counts feedback with a reward.
pub(crate) const FEEDBACK: &str = "seldon_api_model_feedback_total";

/// Sums up rewards.
pub(crate) const REWARD: &str = "seldon_api_model_feedback_reward_total";

/// The end of a counter's name; in OpenMetrics the name of the family lacks it.
const TOTAL: &str = "_total";

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The content of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// What the component has reported.
    pub(crate) reported: Snapshot,
    /// The server's metrics of requests.
    pub(crate) requests: Vec<MetricFamily>,
    /// Exemplars of [`REQUEST_SECONDS`], by the values of its labels.
    pub(crate) exemplars: HashMap<[String; 3], Vec<Option<Exemplar>>>,
    /// What the metric sources have given.
    pub(crate) samples: Vec<Sample>,
}

/// Writes a scrape: what the component reported, then the server's own metrics.
pub(crate) fn write(scrape: &Scrape, format: Format) -> String {
    let mut writer = Writer {
        out: String::with_capacity(scrape.reported.bytes + 64 * 1024),
        format,
    };
    writer.reported(&scrape.reported);
    for family in &scrape.requests {
        writer.requests(family, &scrape.exemplars);
    }
    writer.samples(&scrape.samples);
    if format == Format::OpenMetrics {
        writer.out.push_str("# EOF\n");
    }
    writer.out
}

struct Writer {
    out: String,
    format: Format,
}

impl Writer {
    fn reported(&mut self, snapshot: &Snapshot) {
        for (name, family) in &snapshot.families {
            let kind = match family.kind {
                // In OpenMetrics its family would have the name of another one.
                MetricKind::Counter if self.hides_another(name, &snapshot.families) => "unknown",
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Timer => "histogram",
            };
            let help = match &**name {
                FEEDBACK => "Feedback with a reward.",
                REWARD => "Sum of the rewards.",
                _ => "Reported by the component.",
            };
            self.head(name, kind, help);
            for Series { labels, value } in &family.series {
                match value {
                    Value::Number(number) => self.sample(name, "", labels, *number),
                    Value::Times(times) => self.times(name, labels, times),
                }
            }
        }
        let help = "Reported values that were dropped, by reason.";
        self.head(DROPPED, "counter", help);
        for reason in Reason::ALL {
            let count = snapshot.dropped[reason as usize];
            let label = reason.label();
            self.line(format_args!("{DROPPED}{{reason=\"{label}\"}} {count}"));
        }
    }

    fn hides_another<V>(&self, name: &str, families: &BTreeMap<std::sync::Arc<str>, V>) -> bool {
        let base = name.strip_suffix(TOTAL);
        self.format == Format::OpenMetrics && base.is_some_and(|base| families.contains_key(base))
    }

    fn requests(
        &mut self,
        family: &MetricFamily,
        exemplars: &HashMap<[String; 3], Vec<Option<Exemplar>>>,
    ) {
        let name = family.name();
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY | MetricType::UNTYPED => "unknown",
        };
        self.head(name, kind, family.help());
        for metric in family.get_metric() {
            let labels = labels(metric.get_label());
            match family.get_field_type() {
                MetricType::HISTOGRAM => {
                    let exemplars =
                        (name == REQUEST_SECONDS).then(|| exemplars.get(&values(metric)));
                    self.buckets(
                        name,
                        &labels,
                        metric,
                        exemplars.flatten().map_or(&[], Vec::as_slice),
                    );
                }
                MetricType::COUNTER => {
                    self.sample(name, "", &labels, metric.get_counter().get_value());
                }
                _ => self.sample(name, "", &labels, metric.get_gauge().get_value()),
            }
        }
    }

    fn buckets(
        &mut self,
        name: &str,
        labels: &str,
        metric: &Metric,
        exemplars: &[Option<Exemplar>],
    ) {
        let histogram = metric.get_histogram();
        let count = histogram.get_sample_count();
        let bounds = histogram.get_bucket().iter();
        let bounds = bounds.map(|bucket| {
            let bound = format!("{:?}", bucket.upper_bound());
            (bound, bucket.cumulative_count())
        });
        let all = bounds.chain([("+Inf".to_owned(), count)]);
        for (index, (bound, below)) in all.enumerate() {
            let exemplar = exemplars.get(index).copied().flatten();
            let exemplar = exemplar.filter(|_| self.format == Format::OpenMetrics);
            match exemplar {
                Some(Exemplar {
                    trace_id,
                    value,
                    at,
                }) => self.line(format_args!(
                    "{name}_bucket{{{labels},le=\"{bound}\"}} {below} \
                     # {{trace_id=\"{trace_id:032x}\"}} {value:?} {at:.3}"
                )),
                None => {
                    self.line(format_args!(
                        "{name}_bucket{{{labels},le=\"{bound}\"}} {below}"
                    ));
                }
            }
        }
        self.sample(name, "_sum", labels, histogram.get_sample_sum());
        self.line(format_args!("{name}_count{{{labels}}} {count}"));
    }

    fn times(&mut self, name: &str, labels: &str, times: &Histogram) {
        let mut bounds = UPPER_BOUNDS.iter();
        for count in times.cumulative() {
            match bounds.next() {
                Some(bound) => self.line(format_args!(
                    "{name}_bucket{{{labels},le=\"{bound}\"}} {count}"
                )),
                None => self.line(format_args!(
                    "{name}_bucket{{{labels},le=\"+Inf\"}} {count}"
                )),
            }
        }
        self.sample(name, "_sum", labels, times.sum());
        self.line(format_args!("{name}_count{{{labels}}} {}", times.count()));
    }

    fn samples(&mut self, samples: &[Sample]) {
        let mut families: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
        for sample in samples {
            families.entry(sample.name).or_default().push(sample);
        }
        for (name, series) in families {
            let kind = if name.ends_with(TOTAL) {
                "counter"
            } else {
                "gauge"
            };
            self.head(name, kind, series[0].help);
            for sample in series {
                let mut labels = String::new();
                for (label, value) in &sample.labels {
                    push_label(&mut labels, label, value);
                }
                self.sample(name, "", &labels, sample.value);
            }
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let name = match self.format {
            Format::OpenMetrics if kind == "counter" => name.strip_suffix(TOTAL).unwrap_or(name),
            _ => name,
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, ending: &str, labels: &str, value: f64) {
        let (open, close) = if labels.is_empty() {
            ("", "")
        } else {
            ("{", "}")
        };
        if value.is_infinite() {
            let sign = if value > 0.0 { '+' } else { '-' };
            self.line(format_args!(
                "{name}{ending}{open}{labels}{close} {sign}Inf"
            ));
        } else {
            self.line(format_args!(
                "{name}{ending}{open}{labels}{close} {value:?}"
            ));
        }
    }

    fn line(&mut self, text: Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }
}

fn labels(pairs: &[LabelPair]) -> String {
    let mut text = String::new();
    for pair in pairs {
        push_label(&mut text, pair.name(), pair.value());
    }
    text
}

fn push_label(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(name);
    text.push_str("=\"");
    push_escaped(text, value);
    text.push('"');
}

/// The values of the labels code, method, transport.
fn values(metric: &Metric) -> [String; 3] {
    let value = |name: &str| {
        let pair = metric.get_label().iter().find(|pair| pair.name() == name);
        pair.map_or_else(String::new, |pair| pair.value().to_owned())
    };
    [value("code"), value("method"), value("transport")]
}
