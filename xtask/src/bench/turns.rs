//! Turns of the servers, and the table of two servers' medians.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Arg, ArgMatches};
use indicatif::{ProgressBar, ProgressStyle};

use super::servers::Server;
use super::spread::{Spread, median};
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

/// How long a turn sends before it counts, and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phases {
    pub(super) warm_up: Option<u64>,
    pub(super) seconds: u64,
}

impl Phases {
    /// For so many calls at once, of which one alone took so long: the turn has so many seconds,
    /// or more where it had only a few responses otherwise. Those that are under way at its end do
    /// not count, and with few responses they would be missed.
    pub(super) fn new(seconds: u64, took: Duration, calls: usize) -> Self {
        // More at once do not all wait for one another on servers that are fast.
        let all = took.as_secs_f64() * calls.min(8) as f64;
        if all < 0.2 {
            let warm_up = Some(1);
            return Self { warm_up, seconds };
        }
        let least = (all * 10.0).min(20.0).max(all * 3.5);
        Self {
            warm_up: None,
            seconds: seconds.max(least.ceil() as u64),
        }
    }
}

/// The servers in the order of a round: a machine that slows down must not hit the same one each
/// time.
pub(super) fn in_turns<S>(round: usize, servers: impl IntoIterator<Item = S>) -> Vec<S> {
    let mut servers: Vec<S> = servers.into_iter().collect();
    if round % 2 == 1 {
        servers.reverse();
    }
    servers
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
    /// Microseconds of processor time for each response, of all processes of the server.
    pub(super) processor_time: f64,
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
        [one, other]: &[Server; 2],
        mut turn: impl FnMut(&Server) -> anyhow::Result<Turn>,
    ) -> anyhow::Result<()> {
        self.bar.set_message(load.to_owned());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let sides = [(one, &mut ours), (other, &mut theirs)];
            for (server, turns) in in_turns(round, sides) {
                turns.push(turn(server)?);
                self.bar.inc(1);
            }
        }
        let ratios = ours.iter().zip(&theirs).map(|(o, t)| o.rate / t.rate);
        let Spread { low, median, high } = Spread::of(ratios).context("no round")?;
        let (ours, theirs) = (middle(&ours), middle(&theirs));
        writeln!(
            self.text,
            "{load:<42} | {:>15.1} {:>8.0} {:>8.0} | {:>17.1} {:>8.0} {:>8.0} | {:>8.1} × {:>7} | \
             {median:.3} ({low:.3} to {high:.3})",
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

/// The median of each value by itself.
pub(super) fn middle(turns: &[Turn]) -> Turn {
    let median = |value: fn(&Turn) -> f64| median(turns.iter().map(value));
    Turn {
        rate: median(|t| t.rate),
        median: median(|t| t.median),
        p99: median(|t| t.p99),
        processor_time: median(|t| t.processor_time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_round_goes_the_other_way() {
        assert_eq!(in_turns(0, 0..3), [0, 1, 2]);
        assert_eq!(in_turns(1, 0..3), [2, 1, 0]);
        assert_eq!(in_turns(2, 0..3), [0, 1, 2]);
    }

    #[test]
    fn slow_servers_get_more_time() {
        let phases = |took, calls| {
            let phases = Phases::new(4, Duration::from_millis(took), calls);
            (phases.warm_up.is_some(), phases.seconds)
        };
        assert_eq!(phases(2, 64), (true, 4));
        assert_eq!(phases(30, 4), (true, 4));
        assert_eq!(phases(100, 1), (true, 4));
        assert_eq!(phases(200, 4), (false, 8));
        assert_eq!(phases(1_000, 4), (false, 20));
        assert_eq!(phases(10_000, 1), (false, 35));
    }

    #[test]
    fn the_medians_count() {
        let turn = |rate| Turn {
            rate,
            median: 100.0 - rate,
            p99: 9.0,
            processor_time: rate,
        };
        let middle = middle(&[60.0, 3.0, 2.0].map(turn));
        assert_eq!((middle.rate, middle.median), (3.0, 97.0));
    }
}
