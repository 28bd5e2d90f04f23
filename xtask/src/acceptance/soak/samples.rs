//! What the server process holds over time, read from `/proc`.

use std::fmt;
use std::fs;

use anyhow::{Context as _, bail, ensure};

/// What the process holds at one moment.
#[derive(Clone, Copy)]
pub(super) struct Sample([u64; KINDS.len()]);

/// A quantity, and how much it may grow from the first quarter to the last.
struct Kind {
    name: &'static str,
    /// In its unit.
    slack: u64,
    /// And a part of it, in percent.
    percent: u64,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "memory kB",
        slack: 4096,
        percent: 10,
    },
    Kind {
        name: "descriptors",
        slack: 8,
        percent: 0,
    },
    Kind {
        name: "threads",
        slack: 2,
        percent: 0,
    },
    // Old workers end while new ones start, so there may be twice as many for a moment.
    Kind {
        name: "processes",
        slack: 4,
        percent: 0,
    },
];

/// Samples at even distances.
#[derive(Default)]
pub(super) struct Samples(Vec<Sample>);

impl Sample {
    /// Reads it.
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .context("the server has ended, or this is not Linux")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            anyhow::Ok(number.with_context(|| format!("no {name}"))?.parse()?)
        };
        Ok(Self([
            field("VmRSS:")?,
            fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            field("Threads:")?,
            children(pid)?.len() as u64,
        ]))
    }
}

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// Fails if anything has grown beyond its bound.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let quarter = self.0.len() / 4;
        ensure!(quarter > 0, "{} samples are too few", self.0.len());
        for (index, kind) in KINDS.iter().enumerate() {
            let first = self.middle(index, 0, quarter);
            let last = self.middle(index, self.0.len() - quarter, self.0.len());
            let most = first + first * kind.percent / 100 + kind.slack;
            if last > most {
                bail!(
                    "{} grew from {first} in the first quarter to {last} in the last, at most \
                     {most} is allowed",
                    kind.name
                );
            }
        }
        Ok(())
    }

    fn middle(&self, kind: usize, from: usize, to: usize) -> u64 {
        let mut values: Vec<u64> = self.0[from..to].iter().map(|one| one.0[kind]).collect();
        values.sort_unstable();
        values[values.len() / 2]
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = KINDS.iter().zip(self.0);
        let texts: Vec<_> = texts
            .map(|(kind, value)| format!("{} {value}", kind.name))
            .collect();
        f.write_str(&texts.join(", "))
    }
}

/// A line for each kind, with bars between its least and its largest value.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        for (index, kind) in KINDS.iter().enumerate() {
            let values = || self.0.iter().map(|sample| sample.0[index]);
            let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
            let bar = |value: u64| {
                let steps = (value - low) * (BARS.len() as u64 - 1) / (high - low).max(1);
                BARS[steps as usize]
            };
            let bars: String = values().map(bar).collect();
            writeln!(f, "   {:<12} {low:>7} to {high:>7}  {bars}", kind.name)?;
        }
        Ok(())
    }
}

/// The children of a process, those included that it has not reaped yet.
pub(super) fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: Vec<u32> = pids.filter(|&pid| parent_of(pid) == Some(parent)).collect();
    children.sort_unstable();
    Ok(children)
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl IntoIterator<Item = u64>) -> Samples {
        let samples = memory.into_iter().map(|kb| Sample([kb, 20, 5, 4]));
        Samples(samples.collect())
    }

    #[test]
    fn growth_beyond_the_bound_is_found_and_a_peak_is_not() {
        let steady = samples([
            50_000, 50_000, 90_000, 50_000, 50_000, 51_000, 52_000, 50_000,
        ]);
        assert!(steady.check().is_ok());
        let leak = samples((0..20).map(|n| 50_000 + 1000 * n));
        let error = leak.check().unwrap_err().to_string();
        assert!(error.starts_with("memory kB grew from 52000 in"), "{error}");
        assert!(samples([1, 2, 3]).check().is_err());
    }

    #[test]
    fn bars_span_the_values() {
        let text = samples([1, 4, 8]).to_string();
        let first = text.lines().next().unwrap();
        assert!(first.ends_with("1 to       8  ▁▄█"), "{text}");
    }
}
