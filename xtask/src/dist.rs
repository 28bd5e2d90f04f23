//! What is published: programs that run on any Linux.

pub(crate) mod archive;
pub(crate) mod binaries;
mod elf;

use clap::{ArgMatches, Command};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("dist")
        .about("Make what is published")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(binaries::command())
}

pub(crate) fn run_options(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("binaries", options)) => binaries::run_options(options),
        _ => unreachable!("clap demands a subcommand that it knows"),
    }
}
