//! `cargo xtask standin`: what the real seldon-core does with the calls on which our package of
//! that name is tested.

use std::path::Path;
use std::process::Command;

use clap::{Arg, ArgAction, ArgMatches};

use crate::conformance;
use crate::shell::{root, run};

/// The command line of `standin`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("standin")
        .about("Record what the real seldon_core does with calls that our package is tested on")
        .arg(
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help("Compare with the recording, and run both packages on what is not recorded"),
        )
        .arg(
            Arg::new("peer")
                .long("peer")
                .value_name("DIR")
                .help("Virtual environment that holds seldon-core; default .peer, made if missing"),
        )
}

/// Records, or checks, as the options say.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let peer = options.get_one::<String>("peer").map(Path::new);
    record(peer, options.get_flag("check"))
}

/// Records the real package of an environment, or compares it with what is recorded.
pub(crate) fn record(peer: Option<&Path>, check: bool) -> anyhow::Result<()> {
    let peer = conformance::peer(&root(), peer)?;
    run(Command::new(peer.join("bin/python"))
        .arg(root().join("crates/python/python/tests/standin/record.py"))
        .args(check.then_some("--check")))
}
