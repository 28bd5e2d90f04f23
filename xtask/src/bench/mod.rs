//! `cargo xtask bench`: Streeling beside seldon-core, on the same model, in one run.
//!
//! The two take turns on every load, so that what the machine does meanwhile hits both, and the
//! value is the median of the rounds. Only ratios are worth comparing between machines.

mod call;
mod codec;
mod grpc;
mod h2load;
mod infer;
mod install;
mod load;
mod loads;
mod models;
mod observability;
mod protobuf;
mod protocol;
mod rest;
mod running;
mod servers;
mod spread;
mod turns;
mod workplace;

use clap::ArgMatches;

/// The command line of `bench`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("bench")
        .about("Measure beside seldon-core, or beside another build, in one run")
        .subcommand_required(true)
        .subcommand(rest::command())
        .subcommand(grpc::command())
        .subcommand(codec::command())
        .subcommand(protobuf::command())
        .subcommand(observability::command())
}

/// Runs the bench that was chosen.
pub(crate) fn run(what: &ArgMatches) -> anyhow::Result<()> {
    match what.subcommand() {
        Some(("codec", _)) => codec::run(),
        Some(("protobuf", options)) => protobuf::run(options),
        Some(("observability", options)) => observability::run(options),
        Some(("rest", options)) => rest::run(options),
        Some(("grpc", options)) => grpc::run(options),
        _ => unreachable!("clap demands a subcommand that it knows"),
    }
}
