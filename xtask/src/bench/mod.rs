//! `cargo xtask bench`: Streeling beside seldon-core and other servers, on the same model, in one
//! run.
//!
//! The servers take turns on every load, so that what the machine does meanwhile hits all, and the
//! value is the median of the rounds. Only ratios are worth comparing between machines.

mod call;
mod codec;
mod goals;
mod grid;
mod grpc;
mod h2load;
mod infer;
mod install;
mod load;
mod loads;
mod measures;
mod models;
mod native;
mod observability;
mod oip;
mod protobuf;
mod protocol;
mod report;
mod rest;
mod rows;
mod running;
mod scaling;
mod servers;
mod spread;
mod svg;
mod turns;
mod workplace;

use clap::ArgMatches;

/// The command line of `bench`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("bench")
        .about("Measure all goals beside seldon-core and other servers, or what a subcommand says")
        .args_conflicts_with_subcommands(true)
        .args(goals::arguments())
        .subcommand(scaling::command())
        .subcommand(rest::command())
        .subcommand(grpc::command())
        .subcommand(codec::command())
        .subcommand(protobuf::command())
        .subcommand(observability::command())
        .subcommand(native::command())
        .subcommand(oip::command())
}

/// Runs the bench that was chosen.
pub(crate) fn run(what: &ArgMatches) -> anyhow::Result<()> {
    match what.subcommand() {
        Some(("scaling", options)) => scaling::run(options),
        Some(("codec", _)) => codec::run(),
        Some(("protobuf", options)) => protobuf::run(options),
        Some(("observability", options)) => observability::run(options),
        Some(("native", options)) => native::run(options),
        Some(("oip", options)) => oip::run(options),
        Some(("rest", options)) => rest::run(options),
        Some(("grpc", options)) => grpc::run(options),
        _ => goals::run(what),
    }
}
