//! `cargo xtask fuzz`: the fuzz targets, each for a bounded time.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches};

use crate::options::{number, number_of};
use crate::shell::{output, root, run, step};

/// What is left to libFuzzer: inputs are small, and one that takes longer or more memory is a
/// finding.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

/// The command line of `fuzz`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("fuzz")
        .about("Run the fuzz targets (needs a nightly toolchain and cargo-fuzz)")
        .arg(Arg::new("target").help("The target to run; default all of them"))
        .arg(number("seconds", "600", "Seconds for each target"))
}

/// Runs one target or all; a finding is an error, and libFuzzer says where it has put the input.
pub(crate) fn run_targets(options: &ArgMatches) -> anyhow::Result<()> {
    output(fuzz().arg("--version"))
        .context("cargo-fuzz is needed (`cargo install cargo-fuzz --locked`, nightly toolchain)")?;
    let seconds = number_of(options, "seconds");
    let listed = output(fuzz().arg("list"))?;
    let mut targets: Vec<&str> = listed.lines().collect();
    if let Some(chosen) = options.get_one::<String>("target") {
        targets.retain(|target| target == chosen);
        if targets.is_empty() {
            bail!(
                "no fuzz target {chosen}, must be one of: {}",
                listed.replace('\n', " ")
            );
        }
    }
    for target in targets {
        step(format_args!("fuzz {target}"), || one(target, seconds))?;
    }
    Ok(())
}

fn one(target: &str, seconds: u64) -> anyhow::Result<()> {
    // New inputs go into the first folder, so that the one under version control stays small.
    let found = root().join("fuzz/target/corpus").join(target);
    fs::create_dir_all(&found)?;
    run(fuzz()
        .args(["run", target])
        .arg(found)
        .arg(root().join("fuzz/corpus").join(target))
        .arg("--")
        .args(LIMITS)
        .args(["-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-max_total_time={seconds}")))
}

fn fuzz() -> Command {
    // Not the Cargo that runs this: the toolchain is another one.
    let mut cargo = Command::new("cargo");
    cargo.args(["+nightly", "fuzz"]).current_dir(root());
    cargo
}
