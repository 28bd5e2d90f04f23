//! `cargo xtask bench`: all rows of the goals, on all servers.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches};

use super::grid::{Problem, Task, measure};
use super::h2load::h2load;
use super::install::{Candidate, NAMES, STREELING, candidates};
use super::load::wrk;
use super::measures::{Bench, Pace};
use super::report::{Run, page, plot, write};
use super::rows::{ROWS, Row};
use super::workplace::Workplace;
use crate::options::{number, number_of};
use crate::shell::say;

/// How long a run takes, on what, and where it is written.
pub(super) struct Selection {
    pub(super) rounds: usize,
    pub(super) pace: Pace,
    pub(super) is_quick: bool,
    names: Vec<&'static str>,
    chosen: Vec<String>,
    peer: Option<PathBuf>,
    pub(super) folder: PathBuf,
}

impl Selection {
    /// The options, where `items` can be chosen by an option `--NAME`.
    pub(super) fn arguments(
        name: &'static str,
        items: Vec<&'static str>,
        rounds: &'static str,
    ) -> Vec<Arg> {
        let list = |name: &'static str, help: &'static str| {
            Arg::new(name)
                .long(name)
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help(help)
        };
        vec![
            list(name, "Only these, separated by commas; default all")
                .value_parser(PossibleValuesParser::new(items)),
            list("servers", "Only these servers beside this one; default all")
                .value_parser(PossibleValuesParser::new(&NAMES[1..])),
            number("rounds", rounds, "Turns that each server takes"),
            number("seconds", "4", "Seconds of one turn"),
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["rounds", "seconds"])
                .help("One round of short turns, to see that all of it works"),
            Arg::new("peer")
                .long("peer")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Virtual environment that holds seldon-core; default .peer, made if missing"),
            Arg::new("output")
                .long("output")
                .value_parser(clap::value_parser!(PathBuf))
                .help(
                    "Folder for the page and the plots; default docs, or target/bench for a part \
                     of the rows or servers or with --quick",
                ),
        ]
    }

    pub(super) fn from(matches: &ArgMatches, name: &str) -> Self {
        let list = |name: &str| -> Vec<String> {
            let values = matches.get_many::<String>(name);
            values.unwrap_or_default().cloned().collect()
        };
        let (servers, chosen) = (list("servers"), list(name));
        let is_quick = matches.get_flag("quick");
        let is_part = is_quick || !servers.is_empty() || !chosen.is_empty();
        let default = if is_part { "target/bench" } else { "docs" };
        let folder = matches.get_one::<PathBuf>("output").cloned();
        let pace = if is_quick {
            Pace {
                seconds: 1,
                wave: 150,
                pause: Duration::from_secs(5),
            }
        } else {
            Pace {
                seconds: number_of(matches, "seconds").max(1),
                wave: 1_500,
                pause: Duration::from_secs(60),
            }
        };
        let is_chosen = |name: &&str| {
            *name == STREELING || servers.is_empty() || servers.iter().any(|one| one == name)
        };
        Self {
            rounds: if is_quick {
                1
            } else {
                number_of(matches, "rounds").max(1) as usize
            },
            pace,
            is_quick,
            names: NAMES.into_iter().filter(is_chosen).collect(),
            chosen,
            peer: matches.get_one("peer").cloned(),
            folder: folder.unwrap_or_else(|| PathBuf::from(default)),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|chosen| chosen == name)
    }

    /// Installs the servers, and says what cannot be.
    pub(super) fn install(&self) -> anyhow::Result<Vec<Candidate>> {
        wrk()?;
        h2load()?;
        let mut candidates = candidates(&self.names, self.peer.as_deref());
        for candidate in &mut candidates {
            if let Err(error) = &candidate.server {
                let name = candidate.name;
                say(format_args!("{name} cannot be installed: {error:#}"));
                ensure!(name != STREELING, "there is nothing to measure");
            }
        }
        Ok(candidates)
    }

    pub(super) fn bench(&self) -> anyhow::Result<Bench> {
        Ok(Bench {
            work: Workplace::new()?,
            pace: self.pace,
        })
    }
}

/// The options of `bench` itself.
pub(super) fn arguments() -> Vec<Arg> {
    Selection::arguments("rows", ROWS.iter().map(|row| row.name).collect(), "5")
}

/// Measures the rows and writes the page and the plot, after each row.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let selection = Selection::from(matches, "rows");
    let rows: Vec<&Row> = ROWS.iter().filter(|row| selection.has(row.name)).collect();
    let run = Run::of(command_line(), selection.is_quick)?;
    let candidates = selection.install()?;
    let bench = selection.bench()?;
    let tasks: Vec<Task<'_>> = rows
        .iter()
        .map(|row| Task {
            label: row.title.to_owned(),
            unit: row.unit,
            rounds: row.rounds,
            measure: Box::new(|server| (row.measure)(&bench, server)),
        })
        .collect();
    let grid = measure(&tasks, &candidates, selection.rounds, |grid| {
        let text = page(&run, &candidates, &rows, grid);
        write(&selection.folder.join("benchmark.md"), &text)?;
        if let Some(text) = plot(&candidates, &rows, grid) {
            write(&selection.folder.join("benchmark.svg"), &text)?;
        }
        Ok(())
    })?;
    say(page(&run, &candidates, &rows, &grid));
    say(format_args!("written to {}", selection.folder.display()));
    let ours = grid.iter().map(|cells| &cells[0]);
    let failed = ours.filter(|cell| matches!(cell.problem, Some(Problem::Failed(_))));
    let failed = failed.count();
    ensure!(failed == 0, "{failed} rows failed on this server");
    Ok(())
}

/// The command line of this program, as a user types it.
pub(super) fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    let words = ["cargo".to_owned(), "xtask".to_owned()];
    words
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}
