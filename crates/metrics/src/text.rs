//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use streeling_core::MetricKind;

use crate::histogram::{Histogram, UPPER};
use crate::store::{Reason, Series, Shown, Value};

/// What the format is called in `Content-Type`.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counts what was reported and is not shown.
pub(crate) const DROPPED: &str = "streeling_metrics_dropped_total";

/// Feedback with a reward.
pub(crate) const FEEDBACK: &str = "seldon_api_model_feedback_total";

/// The rewards.
pub(crate) const REWARD: &str = "seldon_api_model_feedback_reward_total";

/// Writes all families.
pub(crate) fn write(shown: &Shown) -> String {
    let mut out = String::with_capacity(shown.bytes + 1024);
    for (name, family) in &shown.families {
        let kind = match family.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Timer => "histogram",
        };
        let help = match &**name {
            FEEDBACK => "Feedback with a reward.",
            REWARD => "Sum of the rewards.",
            _ => "Reported by the component.",
        };
        head(&mut out, name, kind, help);
        for Series { labels, value } in &family.series {
            match value {
                Value::Number(number) => sample(&mut out, name, "", labels, *number),
                Value::Times(times) => histogram(&mut out, name, labels, times),
            }
        }
    }
    let help = "Values that a component reported and that are not shown, by why.";
    head(&mut out, DROPPED, "counter", help);
    for reason in Reason::ALL {
        let count = shown.dropped[reason as usize];
        line(
            &mut out,
            format_args!("{DROPPED}{{reason=\"{}\"}} {count}", reason.label()),
        );
    }
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} {kind}"));
}

fn histogram(out: &mut String, name: &str, labels: &str, times: &Histogram) {
    let mut bounds = UPPER.iter();
    for count in times.cumulated() {
        match bounds.next() {
            Some(bound) => line(
                out,
                format_args!("{name}_bucket{{{labels},le=\"{bound}\"}} {count}"),
            ),
            None => line(
                out,
                format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {count}"),
            ),
        }
    }
    sample(out, name, "_sum", labels, times.sum());
    line(
        out,
        format_args!("{name}_count{{{labels}}} {}", times.count()),
    );
}

fn sample(out: &mut String, name: &str, ending: &str, labels: &str, value: f64) {
    if value.is_infinite() {
        let sign = if value > 0.0 { '+' } else { '-' };
        line(out, format_args!("{name}{ending}{{{labels}}} {sign}Inf"));
    } else {
        line(out, format_args!("{name}{ending}{{{labels}}} {value:?}"));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}
