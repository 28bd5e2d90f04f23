//! The crates on crates.io, in the order in which they depend on each other, which Cargo knows.

use clap::{Arg, ArgAction, ArgMatches};

use crate::shell::{cargo, run, timed};

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("publish")
        .about("Publish the crates; each is compiled from what is published of it before")
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Do all but publish"),
        )
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let mut publish = cargo();
    publish.args(["publish", "--workspace", "--locked"]);
    if options.get_flag("dry-run") {
        publish.arg("--dry-run");
    }
    timed("cargo publish", || run(&mut publish)).map(|_| ())
}
