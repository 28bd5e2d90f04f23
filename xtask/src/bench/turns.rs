//! Turns of the two servers, and the table of their medians.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use clap::{Arg, ArgMatches};
use indicatif::{ProgressBar, ProgressStyle};

use crate::options::{number, number_of};

/// How often each server is measured under each load, and for how long.
pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) seconds: u64,
    /// Virtual environment that holds seldon-core.
    pub(super) peer: Option<PathBuf>,
    /// Another build of this server, which takes seldon-core's part.
    pub(super) against: Option<PathBuf>,
}

impl Options {
    /// The options as a command line has them.
    pub(super) fn arguments() -> [Arg; 4] {
        let [rounds, seconds] = Self::of_ours();
        let against = Arg::new("against")
            .long("against")
            .value_parser(clap::value_parser!(PathBuf))
            .conflicts_with("peer")
            .help(
                "An executable of this server, built from another commit, instead of seldon-core",
            );
        let peer = Arg::new("peer")
            .long("peer")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Virtual environment that holds seldon-core; default .peer, made if missing");
        [rounds, seconds, peer, against]
    }

    /// Those that there are without seldon-core.
    pub(super) fn of_ours() -> [Arg; 2] {
        [
            number(
                "rounds",
                "5",
                "Turns that each server takes; the median counts",
            ),
            number("seconds", "4", "Seconds of one turn"),
        ]
    }
}

impl From<&ArgMatches> for Options {
    fn from(matches: &ArgMatches) -> Self {
        // Not every bench has them.
        let path = |name| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
        Self {
            rounds: number_of(matches, "rounds").max(1) as usize,
            seconds: number_of(matches, "seconds").max(1),
            peer: path("peer"),
            against: path("against"),
        }
    }
}

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Theirs,
}

/// What one turn measured.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Responses in a second.
    pub(super) rate: f64,
    /// Microseconds, half of the requests were faster.
    pub(super) median: f64,
    /// Microseconds, 99 of 100 requests were faster.
    pub(super) p99: f64,
}

/// The medians of both servers under each load.
pub(super) struct Table {
    rounds: usize,
    bar: ProgressBar,
    text: String,
}

impl Table {
    /// An empty table for so many loads.
    pub(super) fn new(loads: usize, rounds: usize) -> anyhow::Result<Self> {
        let bar = ProgressBar::new((loads * rounds * 2) as u64);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
        let text = format!(
            "{:<42} | streeling req/s   p50 µs   p99 µs |   the other req/s   p50 µs   p99 µs | \
             throughput     p50 | ratio of a round: median (95 % interval)\n",
            "load"
        );
        Ok(Self { rounds, bar, text })
    }

    /// Lets both servers take turns under one load, and adds a line.
    pub(super) fn measure(
        &mut self,
        load: &str,
        mut turn: impl FnMut(Side) -> anyhow::Result<Turn>,
    ) -> anyhow::Result<()> {
        self.bar.set_message(load.to_owned());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let mut sides = [(Side::Ours, &mut ours), (Side::Theirs, &mut theirs)];
            // A machine that slows down must not hit the same side each time.
            if round % 2 == 1 {
                sides.reverse();
            }
            for (side, turns) in sides {
                turns.push(turn(side)?);
                self.bar.inc(1);
            }
        }
        let ratios = ours.iter().zip(&theirs).map(|(o, t)| o.rate / t.rate);
        let (low, ratio, high) = interval(ratios.collect());
        let (ours, theirs) = (middle(&ours), middle(&theirs));
        writeln!(
            self.text,
            "{load:<42} | {:>15.1} {:>8.0} {:>8.0} | {:>17.1} {:>8.0} {:>8.0} | {:>8.1} × {:>7} | \
             {ratio:.3} ({low:.3} to {high:.3})",
            ours.rate,
            ours.median,
            ours.p99,
            theirs.rate,
            theirs.median,
            theirs.p99,
            ours.rate / theirs.rate,
            format!("1/{:.1}", theirs.median / ours.median),
        )?;
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The median, between the bounds of its 95 % interval: those order statistics between which the
/// median of the distribution lies with that probability, whatever the distribution is (by the
/// normal approximation of the binomial one). With few values they are the least and the largest.
fn interval(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let off = (0.98 * count.sqrt()).ceil();
    let low = (count / 2.0 - off).max(0.0) as usize;
    let high = values.len() - 1 - low;
    (values[low], values[values.len() / 2], values[high])
}

/// The median of each value by itself.
pub(super) fn middle(turns: &[Turn]) -> Turn {
    let median = |value: fn(&Turn) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Turn {
        rate: median(|t| t.rate),
        median: median(|t| t.median),
        p99: median(|t| t.p99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_twenty_values_leaves_out_five_on_each_side() {
        let values = (0..20).map(f64::from).rev().collect();
        assert_eq!(interval(values), (5.0, 10.0, 14.0));
        assert_eq!(interval(vec![3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(interval(vec![1.0]), (1.0, 1.0, 1.0));
    }

    #[test]
    fn both_take_turns_and_the_medians_count() {
        let mut table = Table::new(1, 3).unwrap();
        let mut sides = Vec::new();
        let mut rates = [60.0, 3.0, 2.0, 10.0, 20.0, 1.0].into_iter();
        table
            .measure("a load", |side| {
                sides.push(side);
                Ok(Turn {
                    rate: rates.next().unwrap(),
                    median: 5.0,
                    p99: 9.0,
                })
            })
            .unwrap();
        let [ours, theirs] = [Side::Ours, Side::Theirs];
        assert_eq!(sides, [ours, theirs, theirs, ours, ours, theirs]);
        let text = table.to_string();
        assert!(text.contains("a load") && text.contains("10.0 ×"), "{text}");
    }
}
