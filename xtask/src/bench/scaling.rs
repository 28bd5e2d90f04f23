//! `cargo xtask bench scaling`: how the servers do as one thing grows.

use std::fmt::Write as _;

use anyhow::bail;
use clap::{ArgMatches, Command};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::goals::{Selection, command_line};
use super::grid::{Cell, Grid, Task, Unsupported, measure};
use super::install::Candidate;
use super::loads::Rest;
use super::measures::Bench;
use super::models::{FOUR, MEAN, SECONDS, SMALL, WAITING, six_digits};
use super::report::{Run, value_text, write};
use super::servers::{Server, Setup};
use super::svg::Lines;
use crate::shell::say;

/// Files that a server or wrk opens beside connections.
const OTHER_FILES: u64 = 200;

/// What grows, and what is measured then.
struct Curve {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    y: &'static str,
    unit: &'static str,
    points: &'static [f64],
    measure: fn(&Bench, &Server, f64) -> anyhow::Result<f64>,
}

const CURVES: [Curve; 5] = [
    Curve {
        name: "array",
        title: "Latency by array size (REST, floats in, their mean out, 1 connection)",
        x: "numbers in the array",
        y: "median latency",
        unit: "ms",
        points: &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7],
        measure: |bench, server, size| {
            let row = six_digits(size as usize);
            let rest = Rest {
                setup: Setup::threads(&MEAN, 1),
                row: &row,
                connections: 1,
            };
            Ok(bench.rest(server, &rest)?.median / 1e3)
        },
    },
    Curve {
        name: "connections",
        title: "Throughput by connections (REST, small array, 1 worker, 1 thread)",
        x: "connections",
        y: "throughput",
        unit: "requests/s",
        points: &[1.0, 10.0, 100.0, 1e3, 1e4],
        measure: |bench, server, connections| {
            let most = open_files();
            if connections as u64 + OTHER_FILES > most {
                bail!(Unsupported("more than the limit of open files"));
            }
            // As many may wait as on mosec; by default this server refuses more than 2,048.
            let env = [("STREELING_MAX_QUEUE", "20000".to_owned())];
            let rest = Rest {
                setup: Setup {
                    env: &env,
                    ..Setup::threads(&SMALL, 1)
                },
                row: &FOUR,
                connections: connections as usize,
            };
            // wrk opens all of them within the turn.
            let seconds = bench.pace.seconds + connections as u64 / 1_000;
            Ok(rest.turn(server, &bench.work, seconds)?.rate)
        },
    },
    Curve {
        name: "workers",
        title: "Throughput by workers (REST, small array, 1 thread each, 64 connections)",
        x: "workers",
        y: "throughput",
        unit: "requests/s",
        points: &[1.0, 2.0, 4.0, 8.0],
        measure: |bench, server, workers| {
            let setup = Setup {
                workers: Some(workers as usize),
                ..Setup::threads(&SMALL, 1)
            };
            rate(bench, server, setup, 64)
        },
    },
    Curve {
        name: "waiting-workers",
        title: "Throughput by workers (REST, 10 ms model, 1 thread each, 64 connections)",
        x: "workers",
        y: "throughput",
        unit: "requests/s",
        points: &[1.0, 2.0, 4.0, 8.0],
        measure: |bench, server, workers| {
            let env = [(SECONDS, "0.01".to_owned())];
            let setup = Setup {
                workers: Some(workers as usize),
                env: &env,
                ..Setup::threads(&WAITING, 1)
            };
            rate(bench, server, setup, 64)
        },
    },
    Curve {
        name: "model-time",
        title: "Throughput by model time (REST, 1 worker, 10 threads, 64 connections)",
        x: "time that the model takes, ms",
        y: "throughput",
        unit: "requests/s",
        points: &[0.0, 0.1, 1.0, 10.0, 100.0],
        measure: |bench, server, milliseconds| {
            let env = [(SECONDS, (milliseconds / 1e3).to_string())];
            let setup = Setup {
                env: &env,
                ..Setup::threads(&WAITING, 10)
            };
            rate(bench, server, setup, 64)
        },
    },
];

fn rate(
    bench: &Bench,
    server: &Server,
    setup: Setup<'_>,
    connections: usize,
) -> anyhow::Result<f64> {
    let rest = Rest {
        setup,
        row: &FOUR,
        connections,
    };
    Ok(bench.rest(server, &rest)?.rate)
}

/// The command line.
pub(super) fn command() -> Command {
    let names = CURVES.iter().map(|curve| curve.name).collect();
    Command::new("scaling")
        .about("Curves over array size, connections, workers and model time (needs wrk, h2load)")
        .args(Selection::arguments("curves", names, "3"))
}

/// Measures the curves and writes their page and plots, after each point.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let selection = Selection::from(matches, "curves");
    raise_open_files();
    let curves = CURVES.iter().filter(|curve| selection.has(curve.name));
    let curves: Vec<&Curve> = curves.collect();
    let run = Run::of(command_line(), selection.is_quick)?;
    let candidates = selection.install()?;
    let bench = &selection.bench()?;
    let tasks: Vec<Task<'_>> = curves
        .iter()
        .flat_map(|curve| curve.points.iter().map(move |point| (curve, *point)))
        .map(|(curve, point)| Task {
            label: format!("{}: {point}", curve.name),
            unit: curve.unit,
            rounds: usize::MAX,
            measure: Box::new(move |server| (curve.measure)(bench, server, point)),
        })
        .collect();
    measure(&tasks, &candidates, selection.rounds, |grid| {
        let text = page(&run, &candidates, &curves, grid);
        write(&selection.folder.join("scaling.md"), &text)?;
        for (curve, rows) in curves.iter().zip(parts(&curves, grid)) {
            let name = file_name(curve);
            write(
                &selection.folder.join(name),
                &plot(curve, &candidates, rows),
            )?;
        }
        Ok(())
    })?;
    say(format_args!("written to {}", selection.folder.display()));
    Ok(())
}

/// The rows of each curve.
fn parts<'a>(curves: &[&Curve], mut grid: &'a [Vec<Cell>]) -> Vec<&'a [Vec<Cell>]> {
    curves
        .iter()
        .map(|curve| {
            let (rows, rest) = grid.split_at(curve.points.len());
            grid = rest;
            rows
        })
        .collect()
}

fn file_name(curve: &Curve) -> String {
    format!("scaling-{}.svg", curve.name)
}

fn page(run: &Run, candidates: &[Candidate], curves: &[&Curve], grid: &Grid) -> String {
    let mut page = run.head("Scaling", candidates);
    page += "\nAs in the [benchmark](benchmark.md): the servers took turns, medians with the \
             bounds of their 95 %\ninterval. A server without threads has one call at a time in \
             each worker.\n";
    for (curve, rows) in curves.iter().zip(parts(curves, grid)) {
        _ = write!(
            page,
            "\n## {}\n\n![{}]({})\n\n| {} | ",
            curve.title,
            curve.title,
            file_name(curve),
            curve.x
        );
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name).collect();
        page += &format!(
            "{} |\n|---|{}\n",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for (point, cells) in curve.points.iter().zip(rows) {
            let cells: Vec<String> = cells.iter().map(value_text).collect();
            _ = writeln!(page, "| {} | {} |", point_text(*point), cells.join(" | "));
        }
    }
    page
}

fn plot(curve: &Curve, candidates: &[Candidate], rows: &[Vec<Cell>]) -> String {
    let series = candidates.iter().enumerate().map(|(at, candidate)| {
        let spreads = rows.iter().map(|cells| cells[at].spread());
        (candidate.name, spreads.collect())
    });
    let lines = Lines {
        title: curve.title,
        x: curve.x,
        y: &format!("{}, {}", curve.y, curve.unit),
        ticks: curve.points.iter().copied().map(point_text).collect(),
        series: series.collect(),
    };
    lines.svg()
}

/// A point as the axis has it: `0.1`, `1000`, `10 million`.
fn point_text(point: f64) -> String {
    if point >= 1e6 {
        format!("{} million", point / 1e6)
    } else {
        point.to_string()
    }
}

/// Lets this process, and those that it starts, open as many files as they may.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        say(format_args!("the limit of open files stays: {error}"));
    }
    let most = open_files();
    let needed = CURVES.iter().filter(|curve| curve.name == "connections");
    let needed = needed
        .flat_map(|curve| curve.points)
        .fold(0.0, |a, b| b.max(a));
    if most < needed as u64 + OTHER_FILES {
        say(format_args!(
            "{most} open files are allowed, so {needed} connections are left out (ulimit -Hn)"
        ));
    }
}

fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::servers::test_server;

    #[test]
    fn a_curve_has_a_plot_and_a_table() {
        let candidates = [Candidate {
            name: "a",
            server: Ok(test_server("a")),
        }];
        let curves = [&CURVES[2], &CURVES[3]];
        let cell = |value| Cell {
            values: vec![Some(value)],
            problem: None,
        };
        let grid: Grid = (1..=8).map(|value| vec![cell(f64::from(value))]).collect();
        let parts = parts(&curves, &grid);
        assert_eq!([parts[0].len(), parts[1].len()], [4, 4]);
        let run = Run {
            date: String::new(),
            command: String::new(),
            machine: String::new(),
            generators: String::new(),
            is_quick: false,
        };
        let page = page(&run, &candidates, &curves, &grid);
        assert!(page.contains("(scaling-waiting-workers.svg)\n\n| workers | a |\n|---|---|\n"));
        assert!(page.contains("\n| 8 | 8.00 |\n"), "{page}");
        assert!(plot(curves[0], &candidates, parts[0]).contains(">8</text>"));
    }

    #[test]
    fn points_are_short() {
        let texts = [0.0, 0.1, 1e4, 1e7].map(point_text);
        assert_eq!(texts, ["0", "0.1", "10000", "10 million"]);
    }
}
