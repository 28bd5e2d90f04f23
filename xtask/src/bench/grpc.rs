//! `cargo xtask bench grpc`: arrays over gRPC.

use clap::{Arg, ArgMatches};

use super::h2load::{Callers, h2load};
use super::install::pair;
use super::loads::Grpc;
use super::models::{ELEMENTS, FOUR, MEAN, Model, SMALL, six_digits};
use super::protocol::Form;
use super::servers::Setup;
use super::turns::{Options, Table};
use super::workplace::Workplace;
use crate::shell::say;

/// One load: what is sent, how the servers are started, and how many calls there are at once.
struct Load {
    name: &'static str,
    model: &'static Model,
    form: Form,
    threads: usize,
    callers: Callers,
}

const fn small(connections: usize, streams: usize) -> Load {
    Load {
        name: "small tensor",
        model: &SMALL,
        form: Form::Tensor,
        threads: 1,
        callers: Callers {
            connections,
            streams,
        },
    }
}

const fn large(name: &'static str, form: Form) -> Load {
    Load {
        name,
        model: &MEAN,
        form,
        threads: 10,
        callers: Callers {
            connections: 4,
            streams: 1,
        },
    }
}

const LOADS: [Load; 6] = [
    small(1, 1),
    small(16, 1),
    small(64, 1),
    small(1, 64),
    large("large tensor", Form::Tensor),
    large("large ndarray", Form::Ndarray),
];

impl Load {
    fn row(&self) -> Vec<f64> {
        if self.model.name == SMALL.name {
            FOUR.to_vec()
        } else {
            six_digits(ELEMENTS)
        }
    }
}

/// The command line of `bench grpc`.
pub(super) fn command() -> clap::Command {
    clap::Command::new("grpc")
        .about("Arrays over gRPC: throughput and latency (needs h2load)")
        .args(Options::arguments())
        .arg(
            Arg::new("size")
                .long("size")
                .value_parser(["small", "large"])
                .help("Send only arrays of 1×4, or only arrays of 1×150528; default both"),
        )
}

/// Measures both servers and prints a table.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    let only = matches.get_one::<String>("size");
    let loads: Vec<&Load> = LOADS
        .iter()
        .filter(|load| only.is_none_or(|only| load.name.starts_with(only)))
        .collect();
    h2load()?;
    let servers = pair(&options)?;
    let work = Workplace::new()?;
    let mut table = Table::new(loads.len(), options.rounds)?;
    for load in loads {
        let Callers {
            connections,
            streams,
        } = load.callers;
        let name = format!(
            "{}, threads {}, {connections} × {streams}",
            load.name, load.threads
        );
        let row = load.row();
        let grpc = Grpc {
            setup: Setup::threads(load.model, load.threads),
            row: &row,
            form: load.form,
            callers: load.callers,
        };
        table.measure(&name, &servers, |server| {
            grpc.turn(server, &work, options.seconds)
        })?;
    }
    say(format_args!(
        "gRPC, arrays of 1×4 (small) and 1×{ELEMENTS} (large), one worker, \
         connections × streams; medians of {} turns of {} s each\n{table}",
        options.rounds, options.seconds
    ));
    Ok(())
}
