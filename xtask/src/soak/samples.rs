//! Memory over time: the curve, and whether it is flat.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;

use crate::observe::Usage;

/// The growth from the first quarter behind the warm-up to the last that is still flat, in percent.
const FLAT: u64 = 5;

/// A process that is small may grow by so much all the same: one page of an allocator's here and
/// there. In kilobytes.
const SLACK: u64 = 4096;

/// A value of [`Usage`] that is held to be flat.
type Field = (&'static str, fn(&Usage) -> u64);

const FIELDS: [Field; 2] = [
    ("server", |usage| usage.resident),
    ("server and workers", |usage| usage.tree),
];

/// Samples with the time at which they were taken.
#[derive(Default)]
pub(super) struct Samples(pub(super) Vec<(Duration, Usage)>);

impl Samples {
    /// The medians of the first and of the last quarter behind the warm-up, in kilobytes.
    pub(super) fn growth(&self, warm_up: Duration) -> Vec<(&'static str, u64, u64)> {
        let warm = || self.0.iter().filter(|(at, _)| *at >= warm_up);
        let quarter = warm().count() / 4;
        let of_field = |(name, value): Field| {
            let values: Vec<u64> = warm().map(|(_, usage)| value(usage)).collect();
            let first = median(&values[..quarter]);
            (name, first, median(&values[values.len() - quarter..]))
        };
        FIELDS.map(of_field).into()
    }

    /// Fails if memory has grown.
    pub(super) fn check(&self, warm_up: Duration) -> anyhow::Result<()> {
        for (name, first, last) in self.growth(warm_up) {
            if last > first + first * FLAT / 100 + SLACK {
                bail!(
                    "the memory of {name} grew from {first} kB in the first quarter to {last} kB \
                     in the last, by more than {FLAT} %"
                );
            }
        }
        Ok(())
    }

    /// The curves as SVG.
    pub(super) fn svg(&self) -> String {
        const WIDTH: f64 = 760.0;
        const HEIGHT: f64 = 240.0;
        const LEFT: f64 = 70.0;
        const TOP: f64 = 40.0;
        let most = self.0.iter().map(|(_, usage)| usage.tree).max();
        let most = most.unwrap_or_default().max(1) as f64;
        let end = self.0.last().map_or(1.0, |(at, _)| at.as_secs_f64());
        let x = |at: Duration| LEFT + (WIDTH - LEFT - 20.0) * at.as_secs_f64() / end;
        let y = |kilobytes: u64| HEIGHT - 30.0 - (HEIGHT - TOP - 30.0) * kilobytes as f64 / most;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">\n<title>Memory</title>\n\
             <style>text {{ font: 12px system-ui, sans-serif; fill: #24292f }}\n\
             @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>\n"
        );
        for ((name, value), (colour, place)) in FIELDS
            .iter()
            .zip([("#e8590c", LEFT), ("#228be6", LEFT + 90.0)])
        {
            let mut points = String::new();
            for (at, usage) in &self.0 {
                let _ = write!(points, "{:.1},{:.1} ", x(*at), y(value(usage)));
            }
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>\n\
                 <text x=\"{place}\" y=\"20\" style=\"fill: {colour}\">{name}</text>",
                points.trim_end()
            );
        }
        for part in [0.0, 0.5, 1.0] {
            let kilobytes = (most * part) as u64;
            let _ = writeln!(
                svg,
                "<text x=\"4\" y=\"{:.1}\">{} MB</text>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} s</text>",
                y(kilobytes) + 4.0,
                kilobytes / 1024,
                LEFT + (WIDTH - LEFT - 20.0) * part,
                HEIGHT - 8.0,
                end * part
            );
        }
        svg + "</svg>\n"
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl IntoIterator<Item = u64>) -> Samples {
        let samples = memory.into_iter().enumerate().map(|(second, resident)| {
            let usage = Usage {
                resident,
                tree: 2 * resident,
                ..Usage::default()
            };
            (Duration::from_secs(second as u64), usage)
        });
        Samples(samples.collect())
    }

    #[test]
    fn growth_beyond_the_bound_is_found_and_a_peak_is_not() {
        let start = Duration::ZERO;
        let steady = [
            500_000, 500_000, 900_000, 500_000, 510_000, 520_000, 520_000, 515_000,
        ];
        assert!(samples(steady).check(start).is_ok());
        let leak = samples((0..20).map(|n| 500_000 + 10_000 * n));
        let error = leak.check(start).unwrap_err().to_string();
        assert!(error.contains("of server grew from 520000 kB"), "{error}");
        // What the start takes belongs to no quarter.
        let late = samples([1, 1, 1, 1].into_iter().chain(steady));
        assert!(late.check(start).is_err());
        assert!(late.check(Duration::from_secs(4)).is_ok());
    }

    #[test]
    fn the_curves_are_drawn_to_their_scale() {
        let svg = samples([0, 100_000]).svg();
        assert!(svg.contains("points=\"70.0,210.0 740.0,125.0\""), "{svg}");
        assert!(svg.contains("points=\"70.0,210.0 740.0,40.0\""), "{svg}");
        assert!(svg.contains("195 MB"), "{svg}");
    }
}
