//! The latencies of both servers as a picture.

use std::fmt::Write as _;
use std::time::Duration;

use super::Times;
use crate::latency::Latencies;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Room for the labels.
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 30.0;
const OLD: &str = "#888888";
const NEW: &str = "#1d5fbf";

/// A line for each server: how long the fastest so many percent of its responses took at most. The
/// scale is logarithmic, and so shows both a median and what is far above it.
pub(super) fn svg(times: &Times) -> String {
    let all = [&times.old, &times.new];
    let ends = |percent| all.iter().filter_map(move |one| one.percentile(percent));
    let (Some(low), Some(high)) = (ends(0).min(), ends(100).max()) else {
        return String::new();
    };
    // Whole powers of ten below and above; something between them even for a single time.
    let low = log(low).floor();
    let high = log(high).ceil().max(low + 1.0);
    let y = |value: f64| (HEIGHT - BOTTOM) * (high - value) / (high - low) + 5.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" \
         aria-label=\"latency by percentile\" font-size=\"12\" fill=\"none\">"
    );
    let mut power = low;
    while power <= high {
        let (at, label) = (y(power), milliseconds(power));
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{WIDTH}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" fill=\"#222\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            at + 4.0
        );
        power += 1.0;
    }
    for percent in [0_u8, 25, 50, 75, 100] {
        let anchor = if percent == 100 { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{HEIGHT}\" fill=\"#222\" text-anchor=\"{anchor}\">{percent} %\
             </text>",
            x(percent)
        );
    }
    for (name, color, latencies, at) in [("old", OLD, &times.old, 16), ("new", NEW, &times.new, 32)]
    {
        let _ = write!(
            svg,
            "<path d=\"{}\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{at}\" fill=\"{color}\">{name}</text>",
            line(latencies, y),
            LEFT + 8.0
        );
    }
    svg.push_str("</svg>");
    svg
}

fn line(latencies: &Latencies, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for percent in 0..=100_u8 {
        if let Some(time) = latencies.percentile(percent.into()) {
            let letter = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x(percent), y(log(time)));
        }
    }
    path
}

fn x(percent: u8) -> f64 {
    LEFT + (WIDTH - LEFT) * f64::from(percent) / 100.0
}

/// The decimal logarithm of milliseconds.
fn log(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).max(1e-3).log10()
}

fn milliseconds(power: f64) -> String {
    format!("{} ms", 10_f64.powf(power))
}
