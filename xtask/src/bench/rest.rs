//! `cargo xtask bench rest`: arrays over REST.

use clap::{Arg, ArgMatches};

use super::install::pair;
use super::load::wrk;
use super::loads::Rest;
use super::models::{ELEMENTS, FOUR, MEAN, Model, REVERSED, SMALL, six_digits};
use super::servers::Setup;
use super::turns::{Options, Table};
use super::workplace::Workplace;
use crate::shell::say;

/// How large the array is that is sent.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Small,
    Large,
}

impl Size {
    const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }

    fn row(self) -> Vec<f64> {
        match self {
            Self::Small => FOUR.to_vec(),
            Self::Large => six_digits(ELEMENTS),
        }
    }
}

/// One load: how the servers are started, what is sent, and on how many connections.
struct Load {
    model: &'static Model,
    size: Size,
    threads: usize,
    connections: usize,
}

const fn small(threads: usize, connections: usize) -> Load {
    Load {
        model: &SMALL,
        size: Size::Small,
        threads,
        connections,
    }
}

const fn large(model: &'static Model) -> Load {
    Load {
        model,
        size: Size::Large,
        threads: 10,
        connections: 4,
    }
}

const LOADS: [Load; 7] = [
    small(1, 1),
    small(1, 16),
    small(1, 64),
    small(10, 16),
    small(10, 64),
    large(&MEAN),
    large(&REVERSED),
];

/// The command line of `bench rest`.
pub(super) fn command() -> clap::Command {
    clap::Command::new("rest")
        .about("Arrays over REST: throughput and latency (needs wrk)")
        .args(Options::arguments())
        .arg(
            Arg::new("size")
                .long("size")
                .value_parser([Size::Small.name(), Size::Large.name()])
                .help("Send only arrays of 1×4, or only arrays of 1×150528; default both"),
        )
}

/// Measures both servers and prints a table.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    let only = matches.get_one::<String>("size");
    let loads: Vec<&Load> = LOADS
        .iter()
        .filter(|load| only.is_none_or(|only| only == load.size.name()))
        .collect();
    wrk()?;
    let servers = pair(&options)?;
    let work = Workplace::new()?;
    let mut table = Table::new(loads.len(), options.rounds)?;
    for load in loads {
        let name = format!(
            "{}, {}, threads {}, connections {}",
            load.size.name(),
            load.model.name,
            load.threads,
            load.connections
        );
        let row = load.size.row();
        let rest = Rest {
            setup: Setup::threads(load.model, load.threads),
            row: &row,
            connections: load.connections,
        };
        table.measure(&name, &servers, |server| {
            rest.turn(server, &work, options.seconds)
        })?;
    }
    say(format_args!(
        "REST, arrays of 1×4 (small) and 1×{ELEMENTS} (large), one worker; medians of {} \
         turns of {} s each\n{table}",
        options.rounds, options.seconds
    ));
    Ok(())
}
