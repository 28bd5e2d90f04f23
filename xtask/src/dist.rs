//! What is published: programs that run on any Linux, wheels, archives, crates, and what says of
//! them what they are. All of it lies in `target/dist`.

pub(crate) mod archive;
mod archives;
mod binaries;
mod check;
mod checksums;
mod elf;
mod publish;
pub(crate) mod release;
pub(crate) mod sbom;
mod wheel;
pub(crate) mod wheels;

use clap::{ArgMatches, Command};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("dist")
        .about("Make what is published")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(binaries::command())
        .subcommand(archives::command())
        .subcommand(wheels::command())
        .subcommand(sbom::command())
        .subcommand(checksums::command())
        .subcommand(check::command())
        .subcommand(publish::command())
}

pub(crate) fn run_options(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("binaries", options)) => binaries::run_options(options),
        Some(("archives", options)) => archives::run_options(options),
        Some(("wheels", options)) => wheels::run_options(options),
        Some(("sbom", _)) => sbom::make(),
        Some(("checksums", _)) => checksums::make(),
        Some(("check", options)) => check::run_options(options),
        Some(("publish", options)) => publish::run_options(options),
        _ => unreachable!("clap demands a subcommand that it knows"),
    }
}
