//! `cargo xtask fuzz`: the fuzz targets, each for a bounded time.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches};

use crate::options::{number, number_of};
use crate::shell::{output, root, run, step, with_path};
use crate::venv;

/// What is left to libFuzzer: inputs are small, and one that takes longer or more memory is a
/// finding.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

/// The command line of `fuzz`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("fuzz")
        .about("Run the fuzz targets (needs a nightly toolchain)")
        .arg(Arg::new("target").help("The target to run; default all of them"))
        .arg(number("seconds", "600", "Seconds for each target"))
}

/// Runs one target or all; a finding is an error, and libFuzzer says where it has put the input.
pub(crate) fn run_targets(options: &ArgMatches) -> anyhow::Result<()> {
    let fuzz = Fuzz::new()?;
    let mut targets = fuzz.targets()?;
    if let Some(chosen) = options.get_one::<String>("target") {
        if !targets.contains(chosen) {
            let targets = targets.join(" ");
            bail!("no fuzz target {chosen}, must be one of: {targets}");
        }
        targets.retain(|target| target == chosen);
    }
    fuzz.run(&targets, number_of(options, "seconds"))
}

/// Runs all targets; gives their number.
pub(crate) fn run_all(seconds: u64) -> anyhow::Result<usize> {
    let fuzz = Fuzz::new()?;
    let targets = fuzz.targets()?;
    fuzz.run(&targets, seconds)?;
    Ok(targets.len())
}

/// cargo-fuzz.
struct Fuzz {
    /// The folder where it is.
    programs: PathBuf,
}

impl Fuzz {
    fn new() -> anyhow::Result<Self> {
        output(Command::new("cargo").args(["+nightly", "--version"]))
            .context("nightly Rust is needed (`rustup toolchain install nightly`)")?;
        let programs = venv::CARGO_FUZZ.programs()?;
        Ok(Self { programs })
    }

    fn targets(&self) -> anyhow::Result<Vec<String>> {
        let listed = output(self.command()?.arg("list"))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn run(&self, targets: &[String], seconds: u64) -> anyhow::Result<()> {
        for target in targets {
            step(format_args!("fuzz {target}"), || self.one(target, seconds))?;
        }
        Ok(())
    }

    fn one(&self, target: &str, seconds: u64) -> anyhow::Result<()> {
        // New inputs go into the first folder, so that the one under version control stays small.
        let found = root().join("fuzz/target/corpus").join(target);
        fs::create_dir_all(&found)?;
        run(self
            .command()?
            .args(["run", target])
            .arg(found)
            .arg(root().join("fuzz/corpus").join(target))
            .arg("--")
            .args(LIMITS)
            .args(["-print_final_stats=1", "-verbosity=0"])
            .arg(format!("-max_total_time={seconds}")))
    }

    fn command(&self) -> anyhow::Result<Command> {
        // Not the Cargo that runs this: the toolchain is another one.
        let mut cargo = Command::new("cargo");
        cargo
            .args(["+nightly", "fuzz"])
            .current_dir(root())
            .env("PATH", with_path(&self.programs)?);
        Ok(cargo)
    }
}
