//! `cargo xtask fuzz`: the fuzz targets, each for a bounded time or for so many executions.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail, ensure};
use clap::{Arg, ArgMatches};

use crate::options::{number, number_of};
use crate::shell::{output, root, say, with_path};
use crate::venv;

/// What is left to libFuzzer: inputs are small, and one that takes longer or more memory is a
/// finding.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

/// The line of libFuzzer's last words that counts.
const EXECUTED: &str = "stat::number_of_executed_units:";

/// When a target ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Seconds(u64),
    Executions(u64),
}

/// The command line of `fuzz`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("fuzz")
        .about("Run the fuzz targets (needs a nightly toolchain)")
        .arg(Arg::new("target").help("The target to run; default all of them"))
        .arg(number("seconds", "600", "Seconds for each target"))
        .arg(
            Arg::new("executions")
                .long("executions")
                .value_parser(clap::value_parser!(u64))
                .conflicts_with("seconds")
                .help("Executions in all, shared among the targets, in place of the time"),
        )
        .arg(number("jobs", "1", "Targets that run at once"))
        .arg(
            Arg::new("sanitizer")
                .long("sanitizer")
                .value_parser(["address", "none"])
                .default_value("address")
                .help("`none` is several times as fast, and finds no faults of C libraries"),
        )
}

/// Runs one target or all; a finding is an error, and libFuzzer says where it has put the input.
pub(crate) fn run_targets(options: &ArgMatches) -> anyhow::Result<()> {
    let fuzz = Fuzz::new(options.get_one("sanitizer"))?;
    let mut targets = fuzz.targets()?;
    if let Some(chosen) = options.get_one::<String>("target") {
        if !targets.contains(chosen) {
            let targets = targets.join(" ");
            bail!("no fuzz target {chosen}, must be one of: {targets}");
        }
        targets.retain(|target| target == chosen);
    }
    let bound = match options.get_one::<u64>("executions") {
        Some(all) => Bound::Executions(all.div_ceil(targets.len().max(1) as u64)),
        None => Bound::Seconds(number_of(options, "seconds")),
    };
    fuzz.run(&targets, bound, number_of(options, "jobs") as usize)?;
    Ok(())
}

/// Runs all targets for so many seconds each; gives their number, and that of the executions.
pub(crate) fn run_all(seconds: u64) -> anyhow::Result<(usize, u64)> {
    let fuzz = Fuzz::new(None)?;
    let targets = fuzz.targets()?;
    let executions = fuzz.run(&targets, Bound::Seconds(seconds), 1)?;
    Ok((targets.len(), executions))
}

/// cargo-fuzz.
struct Fuzz {
    /// The folder where it is.
    programs: PathBuf,
    sanitizer: String,
}

impl Fuzz {
    fn new(sanitizer: Option<&String>) -> anyhow::Result<Self> {
        output(Command::new("cargo").args(["+nightly", "--version"]))
            .context("nightly Rust is needed (`rustup toolchain install nightly`)")?;
        let programs = venv::CARGO_FUZZ.programs()?;
        Ok(Self {
            programs,
            sanitizer: sanitizer.map_or("address", String::as_str).to_owned(),
        })
    }

    fn targets(&self) -> anyhow::Result<Vec<String>> {
        let listed = output(self.command()?.arg("list"))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Gives how many executions there were in all, and says how many of each target. All targets
    /// are run whatever one of them finds.
    fn run(&self, targets: &[String], bound: Bound, jobs: usize) -> anyhow::Result<u64> {
        ensure!(!targets.is_empty(), "no fuzz targets");
        // Built once, before they could wait for each other.
        say("── fuzz: building the targets");
        crate::shell::run(self.command()?.arg("build").args(self.sanitizer()))?;
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                        say(format_args!("── fuzz {target}"));
                        let result = self.one(target, bound);
                        let mut results = results.lock().expect("no thread panics with it");
                        results.push((target, result));
                    }
                });
            }
        });
        let results = results.into_inner().expect("no thread panics with it");
        let mut all = 0;
        let mut failed = Vec::new();
        for (target, result) in results {
            match result {
                Ok(count) => {
                    say(format_args!("   {target}: {count} executions"));
                    all += count;
                }
                Err(error) => failed.push(format!("{target}: {error:#}")),
            }
        }
        say(format_args!("   {all} executions in all"));
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        Ok(all)
    }

    fn one(&self, target: &str, bound: Bound) -> anyhow::Result<u64> {
        // New inputs go into the first folder, so that the one under version control stays small.
        let found = root().join("fuzz/target/corpus").join(target);
        fs::create_dir_all(&found)?;
        let bound = match bound {
            Bound::Seconds(seconds) => format!("-max_total_time={seconds}"),
            Bound::Executions(count) => format!("-runs={count}"),
        };
        let mut child = self
            .command()?
            .args(["run", target])
            .args(self.sanitizer())
            .arg(found)
            .arg(root().join("fuzz/corpus").join(target))
            .arg("--")
            .args(LIMITS)
            .args(["-print_final_stats=1", "-verbosity=0"])
            .arg(bound)
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().context("it has been piped")?;
        let mut executed = None;
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            executed = count_in(&line).or(executed);
            say(&line);
        }
        let status = child.wait()?;
        ensure!(status.success(), "{status}, see the input that it names");
        executed.context("libFuzzer does not say how often it ran")
    }

    fn sanitizer(&self) -> [&str; 2] {
        ["--sanitizer", &self.sanitizer]
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

fn count_in(line: &str) -> Option<u64> {
    line.trim().strip_prefix(EXECUTED)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_found_in_what_libfuzzer_says() {
        assert_eq!(
            count_in("stat::number_of_executed_units: 123456\n"),
            Some(123_456)
        );
        assert_eq!(count_in("stat::average_exec_per_sec:     4115"), None);
    }

    #[test]
    fn every_target_has_a_corpus_that_a_test_replays() {
        let mut count = 0;
        for entry in fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let inputs = fs::read_dir(root().join("fuzz/corpus").join(name)).unwrap();
            assert!(inputs.count() > 20, "{name}");
            let replayed = ["codec", "grpc", "python", "rest", "tracing"]
                .iter()
                .any(|krate| {
                    let test = root().join(format!("crates/{krate}/tests/corpus.rs"));
                    fs::read_to_string(test)
                        .is_ok_and(|text| text.contains(&format!("fuzz/checks/{name}.rs")))
                });
            assert!(replayed, "{name}");
            count += 1;
        }
        assert!(count >= 8);
    }
}
