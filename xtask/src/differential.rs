//! `cargo xtask differential`: the JSON codec beside Python's `json` and NumPy.

use clap::ArgMatches;

use crate::options::{number, number_of};
use crate::shell::{cargo, run};
use crate::venv;

/// Documents that CI compares.
pub(crate) const FEW: u64 = 2_000;

/// The command line of `differential`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("differential")
        .about("Read made-up documents with the codec and with Python's json and NumPy")
        .arg(number("documents", "150000", "How many documents"))
        .arg(number("seed", "1", "Which documents"))
}

/// Compares as many documents as the options say.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    compare(number_of(options, "documents"), number_of(options, "seed"))
}

/// Compares `documents` documents; a difference is an error.
pub(crate) fn compare(documents: u64, seed: u64) -> anyhow::Result<()> {
    let python = venv::RUNTIME.ensure()?;
    run(cargo()
        .args([
            "test",
            "--quiet",
            "--locked",
            "--package",
            "streeling-codec",
        ])
        .args(["--test", "differential", "--"])
        .arg(python)
        .args([documents.to_string(), seed.to_string()]))
}
