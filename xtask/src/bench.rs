//! `cargo xtask bench rest`: Streeling beside the incumbent, on the same model, in one run.
//!
//! The two take turns on every load, so that what the machine does meanwhile hits both, and the
//! figure is the median of the rounds. Only ratios are worth comparing between machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches};
use indicatif::{ProgressBar, ProgressStyle};
use streeling_testkit::{Group, Launch, Request, Running};

use crate::conformance;
use crate::shell::{cargo, output, root, run, say};
use crate::venv;

/// Two small NumPy operations, about 5 µs: what is measured is the server.
const MODEL: &str = "\
import numpy as np


class Bench:
    def load(self):
        self.weights = np.random.default_rng(0).random((4, 3))

    def predict(self, X, names, meta=None):
        return np.tanh(X @ self.weights)
";

/// What wrk sends.
const SMALL: &str = r#"{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}"#;

/// How often each server is measured under each load, and for how long.
pub(crate) struct Options {
    rounds: usize,
    seconds: u64,
    peer: Option<PathBuf>,
}

impl From<&ArgMatches> for Options {
    fn from(matches: &ArgMatches) -> Self {
        let number = |name| *matches.get_one::<u64>(name).expect("it has a default");
        Self {
            rounds: number("rounds").max(1) as usize,
            seconds: number("seconds").max(1),
            peer: matches.get_one::<PathBuf>("peer").cloned(),
        }
    }
}

/// The command line of `bench rest`.
pub(crate) fn command() -> clap::Command {
    let number = |name: &'static str, preset: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_parser(clap::value_parser!(u64))
            .default_value(preset)
            .help(help)
    };
    clap::Command::new("rest")
        .about("Small arrays over REST: throughput and latency (needs wrk)")
        .arg(number(
            "rounds",
            "5",
            "Turns that each server takes; the median counts",
        ))
        .arg(number("seconds", "4", "Seconds of one turn"))
        .arg(
            Arg::new("peer")
                .long("peer")
                .value_parser(clap::value_parser!(PathBuf))
                .help(
                    "Virtual environment that holds the incumbent; default .peer, made if missing",
                ),
        )
}

/// One load: how the servers are started, and how many connections ask.
struct Load {
    threads: usize,
    connections: usize,
}

const LOADS: [Load; 5] = [
    Load {
        threads: 1,
        connections: 1,
    },
    Load {
        threads: 1,
        connections: 16,
    },
    Load {
        threads: 1,
        connections: 64,
    },
    Load {
        threads: 10,
        connections: 16,
    },
    Load {
        threads: 10,
        connections: 64,
    },
];

/// What one turn measured.
#[derive(Clone, Copy)]
struct Turn {
    /// Requests answered in a second.
    rate: f64,
    /// Microseconds, half of the requests were faster.
    median: f64,
    /// Microseconds, 99 of 100 requests were faster.
    p99: f64,
}

/// Measures both servers and prints a table.
pub(crate) fn rest(options: &Options) -> anyhow::Result<()> {
    let wrk = output(Command::new("sh").args(["-c", "command -v wrk"]));
    wrk.context("wrk is needed (Debian: apt-get install wrk)")?;
    let peer = conformance::peer(&root(), options.peer.as_deref())?;
    run(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
    let python = venv::RUNTIME.ensure()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Bench.py"), MODEL)?;
    let script = folder.path().join("post.lua");
    fs::write(
        &script,
        format!(
            "wrk.method = 'POST'\nwrk.body = '{SMALL}'\nwrk.headers['Content-Type'] = \
             'application/json'\n"
        ),
    )?;

    let bin = python
        .parent()
        .context("an interpreter lies in a folder")?
        .to_owned();
    let ours = server(root().join("target/release/streeling"), &bin, folder.path());
    let theirs = server(
        peer.join("bin/seldon-core-microservice"),
        &peer.join("bin"),
        folder.path(),
    );
    let bar = ProgressBar::new((LOADS.len() * options.rounds * 2) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut table = String::from(
        "threads connections |  streeling req/s  p50 µs  p99 µs |  incumbent req/s  p50 µs  p99 µs | throughput  p50\n",
    );
    for load in &LOADS {
        let (mut ours_turns, mut their_turns) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            for (launch, turns) in [(&ours, &mut ours_turns), (&theirs, &mut their_turns)] {
                bar.set_message(format!(
                    "{} threads, {} connections",
                    load.threads, load.connections
                ));
                let running = start(launch, load.threads, folder.path())?;
                turns.push(turn(&running, load.connections, options.seconds, &script)?);
                bar.inc(1);
            }
        }
        let (ours, theirs) = (middle(&ours_turns), middle(&their_turns));
        writeln!(
            table,
            "{:>7} {:>11} | {:>16.0} {:>7.0} {:>7.0} | {:>16.0} {:>7.0} {:>7.0} | {:>8.1} × 1/{:.1}",
            load.threads,
            load.connections,
            ours.rate,
            ours.median,
            ours.p99,
            theirs.rate,
            theirs.median,
            theirs.p99,
            ours.rate / theirs.rate,
            theirs.median / ours.median,
        )?;
    }
    bar.finish_and_clear();
    say(format_args!(
        "REST, array of 1×4, one worker; medians of {} turns of {} s each\n{table}",
        options.rounds, options.seconds
    ));
    Ok(())
}

fn server(program: PathBuf, bin: &Path, folder: &Path) -> Launch {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    Launch {
        program,
        arguments: Vec::new(),
        env: BTreeMap::from([
            ("PATH".to_owned(), path),
            // One model thread must not become many inside a matrix product.
            ("OMP_NUM_THREADS".to_owned(), "1".to_owned()),
            ("OPENBLAS_NUM_THREADS".to_owned(), "1".to_owned()),
        ]),
        logs: folder.to_owned(),
        deadline: Duration::from_secs(30),
    }
}

fn start(launch: &Launch, threads: usize, folder: &Path) -> anyhow::Result<Running> {
    let group = Group {
        id: "Bench/bench".to_owned(),
        component: "Bench".to_owned(),
        flags: ["--workers", "1", "--threads"]
            .map(str::to_owned)
            .into_iter()
            .chain([threads.to_string()])
            .collect(),
        env: BTreeMap::new(),
        exchanges: Vec::new(),
    };
    let running = launch.start(&group, folder)?;
    let answer =
        Request::json("/predict", SMALL).send(running.address(), Duration::from_secs(5))?;
    if answer.status != 200 {
        bail!(
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(running)
}

fn turn(
    running: &Running,
    connections: usize,
    seconds: u64,
    script: &Path,
) -> anyhow::Result<Turn> {
    let wrk = |seconds: u64| {
        output(
            Command::new("wrk")
                .args(["--threads", "1", "--latency"])
                .args(["--connections", &connections.to_string()])
                .args(["--duration", &format!("{seconds}s")])
                .arg("--script")
                .arg(script)
                .arg(format!("http://{}/predict", running.address())),
        )
    };
    wrk(1)?;
    parse(&wrk(seconds)?)
}

/// Reads what wrk prints; an answer that was an error is one here too.
fn parse(text: &str) -> anyhow::Result<Turn> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
    };
    if let Some(errors) = field("Non-2xx or 3xx responses:").or(field("Socket errors:")) {
        bail!("wrk saw errors: {errors}");
    }
    let micros = |name| {
        field(name)
            .and_then(duration)
            .with_context(|| format!("no {name} in:\n{text}"))
    };
    Ok(Turn {
        rate: field("Requests/sec:")
            .context("wrk printed no rate")?
            .parse()?,
        median: micros("50%")?,
        p99: micros("99%")?,
    })
}

/// `850.00us`, `1.25ms` or `2.00s`, in microseconds.
fn duration(text: &str) -> Option<f64> {
    let (number, scale) = [("us", 1.0), ("ms", 1e3), ("s", 1e6)]
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    Some(number.parse::<f64>().ok()? * scale)
}

/// The median of each figure by itself.
fn middle(turns: &[Turn]) -> Turn {
    let median = |figure: fn(&Turn) -> f64| {
        let mut figures: Vec<f64> = turns.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
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
    fn what_wrk_prints_is_read() {
        let text = "  Latency Distribution\n     50%  850.00us\n     99%    1.25ms\nRequests/sec:  12345.67\n";
        let turn = parse(text).unwrap();
        assert_eq!(
            (turn.rate, turn.median, turn.p99),
            (12345.67, 850.0, 1250.0)
        );
        assert!(parse("  Non-2xx or 3xx responses: 7\n").is_err());
        assert_eq!(duration("2.00s"), Some(2e6));
        assert_eq!(duration("2.00h"), None);
    }
}
