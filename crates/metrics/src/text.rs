//! The two text formats: Prometheus' own, version 0.0.4, and OpenMetrics, version 1.0.0.

use std::collections::HashSet;
use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

use crate::family::{Family, Kind, Series, Value};
use crate::histogram::{Bucket, Exemplar, Histogram};

/// The end of a counter's name; in OpenMetrics the name of the family lacks it.
pub(crate) const TOTAL: &str = "_total";

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

/// The labels of a series as both formats write them: `a="x",b="y"`.
pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Arc<str> {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(&mut text, value, Escape::Quotes);
        text.push('"');
    }
    text.into()
}

/// The approximate length of a sample: besides name and labels, 40 bytes are for a value, a bound
/// and the punctuation.
pub(crate) fn sample_bytes(name: &str, labels: &str) -> usize {
    name.len() + labels.len() + 40
}

/// Writes a scrape of these families, in their order. Those without series are left out.
pub(crate) fn write(families: &[Family], format: Format) -> String {
    let sizes = families.iter().flat_map(|Family { name, series, .. }| {
        let bytes = |one: &Series| one.value.samples() * sample_bytes(name, &one.labels);
        series.iter().map(bytes)
    });
    let mut writer = Writer {
        out: String::with_capacity(sizes.sum::<usize>() + 16 * 1024),
        format,
        names: match format {
            Format::Prometheus => HashSet::new(),
            Format::OpenMetrics => families.iter().map(|family| &*family.name).collect(),
        },
    };
    for family in families {
        if !family.series.is_empty() {
            writer.family(family);
        }
    }
    if format == Format::OpenMetrics {
        writer.out.push_str("# EOF\n");
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    format: Format,
    /// Of the families, where the format is OpenMetrics.
    names: HashSet<&'a str>,
}

impl Writer<'_> {
    fn family(&mut self, family: &Family) {
        let name = &*family.name;
        let (head, kind) = match (family.kind, self.format) {
            (Kind::Counter, Format::Prometheus) => (name, "counter"),
            (Kind::Counter, Format::OpenMetrics) => match name.strip_suffix(TOTAL) {
                // Without the ending it would have the name of another family.
                Some(base) if self.names.contains(base) => (name, "unknown"),
                base => (base.unwrap_or(name), "counter"),
            },
            (Kind::Gauge, _) => (name, "gauge"),
            (Kind::Histogram, _) => (name, "histogram"),
        };
        self.push(&["# HELP ", head, " "]);
        let escape = match self.format {
            Format::Prometheus => Escape::NoQuotes,
            Format::OpenMetrics => Escape::Quotes,
        };
        push_escaped(&mut self.out, family.help, escape);
        self.push(&["\n# TYPE ", head, " ", kind, "\n"]);
        for Series { labels, value } in &family.series {
            match value {
                Value::Count(count) => self.sample(name, "", labels, count),
                Value::Number(number) => self.sample(name, "", labels, &Number(*number)),
                Value::Histogram(histogram) => self.histogram(name, labels, histogram),
            }
        }
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let snapshot = histogram.snapshot();
        for bucket in &snapshot.buckets {
            self.bucket(name, labels, bucket);
        }
        self.sample(name, "_sum", labels, &Number(snapshot.sum));
        let count = snapshot.buckets.last().map_or(0, |all| all.count);
        self.sample(name, "_count", labels, &count);
    }

    fn bucket(&mut self, name: &str, labels: &str, bucket: &Bucket) {
        let comma = if labels.is_empty() { "" } else { "," };
        self.push(&[name, "_bucket{", labels, comma, "le=\""]);
        self.display(&Number(bucket.bound));
        self.out.push_str("\"} ");
        self.display(&bucket.count);
        if let (Some(exemplar), Format::OpenMetrics) = (bucket.exemplar, self.format) {
            let Exemplar {
                trace_id,
                value,
                at,
            } = exemplar;
            self.display(&format_args!(
                " # {{trace_id=\"{trace_id:032x}\"}} {value:?} {at:.3}"
            ));
        }
        self.out.push('\n');
    }

    fn sample(&mut self, name: &str, ending: &str, labels: &str, value: &dyn Display) {
        let (open, close) = if labels.is_empty() {
            ("", " ")
        } else {
            ("{", "} ")
        };
        self.push(&[name, ending, open, labels, close]);
        self.display(value);
        self.out.push('\n');
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.push_str(part);
        }
    }

    fn display(&mut self, value: &dyn Display) {
        // Writing to a string does not fail.
        let _ = write!(self.out, "{value}");
    }
}

/// A number as both formats write it.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => fmt::Debug::fmt(&number, f),
        }
    }
}

/// Which characters besides the backslash and the end of a line are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// The quote: in labels, and in the help texts of OpenMetrics.
    Quotes,
    /// None: in the help texts of Prometheus' own format.
    NoQuotes,
}

fn push_escaped(text: &mut String, value: &str, escape: Escape) {
    let is_special =
        |byte: u8| matches!(byte, b'\\' | b'\n') || (byte == b'"' && escape == Escape::Quotes);
    let mut rest = value;
    while let Some(index) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(index);
        text.push_str(plain);
        text.push_str(match special.as_bytes()[0] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &special[1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str, kind: Kind, help: &'static str, series: Vec<Series>) -> Family {
        Family {
            name: name.into(),
            kind,
            help,
            series,
        }
    }

    fn number(pairs: &[(&str, &str)], value: f64) -> Series {
        Series {
            labels: labels(pairs.iter().copied()),
            value: Value::Number(value),
        }
    }

    fn families() -> Vec<Family> {
        let histogram = Histogram::new(&[0.5, 1e7]).with_exemplars();
        for value in [0.25, 0.75, 1e9] {
            histogram.observe(value);
        }
        histogram.keep_exemplar(0.75, 0xabc);
        let histogram = |labels| Series {
            labels,
            value: Value::Histogram(histogram.clone()),
        };
        let calls = vec![
            number(&[], f64::NAN),
            number(&[("a", "\\ \" \n ä"), ("b", "")], f64::NEG_INFINITY),
        ];
        let kinds = vec![Series {
            labels: labels([("a", "1")]),
            value: Value::Count(2),
        }];
        vec![
            family("calls", Kind::Gauge, "A \\ \" \n.", calls),
            family("calls_total", Kind::Counter, "B.", vec![number(&[], 1.5)]),
            family("empty", Kind::Gauge, "C.", Vec::new()),
            family("kinds_total", Kind::Counter, "D.", kinds),
            family(
                "took",
                Kind::Histogram,
                "E.",
                vec![histogram(labels([("a", "1")])), histogram(labels([]))],
            ),
        ]
    }

    const PROMETHEUS: &str = r##"# HELP calls A \\ " \n.
# TYPE calls gauge
calls NaN
calls{a="\\ \" \n ä",b=""} -Inf
# HELP calls_total B.
# TYPE calls_total counter
calls_total 1.5
# HELP kinds_total D.
# TYPE kinds_total counter
kinds_total{a="1"} 2
# HELP took E.
# TYPE took histogram
took_bucket{a="1",le="0.5"} 1
took_bucket{a="1",le="10000000.0"} 2
took_bucket{a="1",le="+Inf"} 3
took_sum{a="1"} 1000000001.0
took_count{a="1"} 3
took_bucket{le="0.5"} 1
took_bucket{le="10000000.0"} 2
took_bucket{le="+Inf"} 3
took_sum 1000000001.0
took_count 3
"##;

    #[test]
    fn both_formats_of_the_same_families() {
        let families = families();
        assert_eq!(write(&families, Format::Prometheus), PROMETHEUS);
        let open = write(&families, Format::OpenMetrics);
        // The time of an exemplar is that of the observation.
        let start = r#" # {trace_id="00000000000000000000000000000abc"} 0.75 "#;
        let (exemplars, lines): (Vec<&str>, Vec<&str>) =
            open.lines().partition(|line| line.contains(start));
        assert_eq!(exemplars.len(), 2, "{open}");
        let differences = [
            (r#"# HELP calls A \\ " \n."#, r#"# HELP calls A \\ \" \n."#),
            ("# TYPE calls_total counter", "# TYPE calls_total unknown"),
            ("# HELP kinds_total D.", "# HELP kinds D."),
            ("# TYPE kinds_total counter", "# TYPE kinds counter"),
        ];
        let expected = PROMETHEUS
            .lines()
            .filter(|line| !line.contains("le=\"1000"));
        let expected = expected.map(|line| {
            let other = differences.iter().find(|(plain, _)| *plain == line);
            other.map_or(line, |(_, open)| *open)
        });
        assert_eq!(lines, expected.chain(["# EOF"]).collect::<Vec<_>>());
        for (line, labels) in exemplars.iter().zip([r#"a="1","#, ""]) {
            let bucket = format!("took_bucket{{{labels}le=\"10000000.0\"}} 2{start}");
            let at = line.strip_prefix(&bucket).unwrap();
            assert!(at.parse::<f64>().unwrap() > 1e9, "{line}");
        }
    }
}
