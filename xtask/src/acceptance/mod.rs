//! `cargo xtask acceptance`: what is heavy, or needs large packages. Run by hand and every night;
//! what it records of other people's clients is replayed by `cargo xtask test`.

mod browser;
mod chaos;
mod clients;
mod frameworks;
mod fuzz;
mod helm;
mod images;
mod oip;
mod peer;
mod programs;
mod record;
mod server;
mod wheels;

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::bail;
use clap::{Arg, ArgMatches};

use crate::options::{number, number_of};
use crate::shell::{say, step};
use crate::{hostile, soak};

/// What the parts let their caller choose.
struct Options {
    /// Minutes of the soak.
    minutes: u64,
    /// Seconds of each fuzz target.
    seconds: u64,
}

struct Part {
    name: &'static str,
    about: &'static str,
    /// Gives what was seen, in a few words.
    run: fn(&Options) -> anyhow::Result<String>,
}

const PARTS: [Part; 13] = [
    Part {
        name: "clients",
        about: "real clients, and seldon-core's own beside seldon-core, are recorded",
        run: |_| clients::run(),
    },
    Part {
        name: "browser",
        about: "a page in Chromium calls the server from another origin, and is recorded",
        run: |_| browser::run(),
    },
    Part {
        name: "frameworks",
        about: "models of five frameworks, served and called directly",
        run: |_| frameworks::run(),
    },
    Part {
        name: "soak",
        about: "mixed load while the server is maltreated; every request is accounted for",
        run: |options| soak::run(&soak::Options::long(options.minutes)?),
    },
    Part {
        name: "hostile",
        about: "attacks, while probes are requested; writes docs/reliability.md",
        run: |_| hostile::run(&hostile::Options::all()?),
    },
    Part {
        name: "chaos",
        about: "the tests that are too heavy for `cargo xtask test`, and full chaos",
        run: |_| chaos::run(),
    },
    Part {
        name: "peer",
        about: "seldon-core gives the responses that are recorded of it",
        run: |_| peer::run(),
    },
    Part {
        name: "oip",
        about: "clients of KServe and MLServer are recorded; these servers are as recorded",
        run: |_| oip::run(),
    },
    Part {
        name: "helm",
        about: "the chart passes helm's own check, and makes the objects of deploy/kubernetes",
        run: |_| helm::run(),
    },
    Part {
        name: "images",
        about: "images are the same when made twice, serve in namespaces, go to a registry",
        run: |_| images::run(),
    },
    Part {
        name: "fuzz",
        about: "every fuzz target for a while",
        run: |options| fuzz::run(options.seconds),
    },
    Part {
        name: "programs",
        about: "the static programs of `dist binaries` serve, those of another machine emulated",
        run: |_| programs::run(),
    },
    Part {
        name: "wheels",
        about: "the wheels of `dist wheels` are installed, serve, and leave nothing behind",
        run: |_| wheels::run(),
    },
];

/// The command line of `acceptance`.
pub(crate) fn command() -> clap::Command {
    let parts = PARTS.map(|part| format!("\n  {:<11} {}", part.name, part.about));
    clap::Command::new("acceptance")
        .about("Run what is heavy or needs large packages: real clients, frameworks, soak, chaos")
        .after_help(format!("Parts:{}", parts.concat()))
        .arg(
            Arg::new("part")
                .num_args(0..)
                .value_parser(PARTS.map(|part| part.name))
                .hide_possible_values(true)
                .help("What to run, in this order; default every part"),
        )
        .arg(number("minutes", "10", "Minutes of the soak"))
        .arg(number("seconds", "60", "Seconds of each fuzz target"))
}

/// Runs the parts that were chosen, all of them whatever becomes of one, and sums up.
pub(crate) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options {
        minutes: number_of(matches, "minutes").max(1),
        seconds: number_of(matches, "seconds").max(1),
    };
    let chosen: Vec<&String> = matches.get_many("part").unwrap_or_default().collect();
    let mut parts: Vec<&Part> = PARTS.iter().collect();
    if !chosen.is_empty() {
        let place = |part: &&Part| chosen.iter().position(|name| *name == part.name);
        parts.retain(|part| place(part).is_some());
        parts.sort_by_key(|part| place(part));
    }
    let mut table = String::new();
    let mut failed = Vec::new();
    for part in parts {
        let start = Instant::now();
        let mut seen = String::new();
        let result = step(format_args!("{}: {}", part.name, part.about), || {
            seen = (part.run)(&options)?;
            Ok(())
        });
        let word = match &result {
            Ok(()) => "passed",
            Err(_) => "FAILED",
        };
        if let Err(error) = result {
            say(format_args!("{error:#}"));
            seen = error.root_cause().to_string();
            failed.push(part.name);
        }
        let seen = seen.lines().next().unwrap_or_default();
        let seconds = start.elapsed().as_secs_f64();
        writeln!(table, "{:<11} {word} {seconds:>7.1} s  {seen}", part.name)?;
    }
    say(format_args!("\n{table}"));
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_run_every_night() {
        let path = crate::shell::root().join(".github/workflows/nightly.yml");
        let text = std::fs::read_to_string(path).unwrap();
        let named: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once("cargo xtask acceptance "))
            .flat_map(|(_, parts)| parts.split_whitespace())
            .collect();
        for part in &PARTS {
            // A job of its own fuzzes for longer.
            let count = usize::from(part.name != "fuzz");
            let found = named.iter().filter(|name| **name == part.name).count();
            assert_eq!(found, count, "{}", part.name);
        }
    }
}
