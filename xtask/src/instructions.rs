//! `cargo xtask instructions`: what a small request costs, in instructions that Valgrind counts.
//! Unlike times, they are the same on a busy machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgAction, ArgMatches};

use crate::builds::executable;
use crate::shell::{cargo, output, root, say};
use crate::venv;

/// The committed counts.
const RECORDED: &str = "tests/instructions/recorded.json";

/// How often an operation is run: the difference of both is counted, so that the start is not.
const FEW: u64 = 1_000;
const MANY: u64 = 5_000;

/// What another version of the compiler, or another build of Python, may add or take away.
const TOLERANCE: f64 = 0.10;

/// In units of the reference, times a thousand: builds of Python differ too much in instructions.
const WORKER: &str = "the worker's loop, in thousandths of a fixed piece of Python";

/// The command line of `instructions`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("instructions")
        .about("Count the instructions of a small request, and compare them with the last count")
        .arg(
            Arg::new("record")
                .long("record")
                .action(ArgAction::SetTrue)
                .help("Keep the new counts, to be committed with what has changed them"),
        )
}

/// Compares or records.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let counted = count()?;
    if options.get_flag("record") {
        let text = serde_json::to_string_pretty(&counted)?;
        fs::write(root().join(RECORDED), text + "\n")?;
        say(format_args!("{} counts in {RECORDED}", counted.len()));
        return Ok(());
    }
    compare(&counted)
}

/// Compares with the committed counts.
pub(crate) fn check() -> anyhow::Result<()> {
    compare(&count()?)
}

type Counts = BTreeMap<String, u64>;

fn count() -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    let program = program()?;
    let cases = output(Command::new(&program).arg("list"))?;
    for case in cases.lines() {
        let one = |count: u64| {
            instructions(Command::new("valgrind").args(VALGRIND).arg(&program).args([
                "run",
                case,
                &count.to_string(),
            ]))
        };
        let each = (one(MANY)? - one(FEW)?) / (MANY - FEW);
        say(format_args!("   {each:>8}  {case}"));
        counts.insert(case.to_owned(), each);
    }
    let python = venv::RUNTIME.ensure()?;
    let script = root().join("tests/instructions/worker.py");
    let one = |what: &str| -> anyhow::Result<u64> {
        let of = |count: u64| {
            instructions(
                Command::new("valgrind")
                    .args(VALGRIND)
                    .args([&python, &script])
                    .args([what, &count.to_string()])
                    // The order of dictionaries, and so the count, would differ.
                    .env("PYTHONHASHSEED", "0"),
            )
        };
        Ok((of(MANY)? - of(FEW)?) / (MANY - FEW))
    };
    let (loops, reference) = (one("loop")?, one("reference")?);
    let worker = loops * 1000 / reference;
    say(format_args!(
        "   {worker:>8}  {WORKER} ({loops} of {reference} instructions)"
    ));
    counts.insert(WORKER.to_owned(), worker);
    Ok(counts)
}

const VALGRIND: [&str; 2] = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// The program that runs one case so many times, as it would be released.
fn program() -> anyhow::Result<PathBuf> {
    let messages = output(
        cargo()
            .args([
                "build",
                "--release",
                "--locked",
                "--package",
                "streeling-python",
            ])
            .args(["--bench", "instructions"])
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(std::process::Stdio::inherit()),
    )?;
    executable(&messages).context("cargo build named no executable")
}

fn instructions(command: &mut Command) -> anyhow::Result<u64> {
    let output = command
        .output()
        .context("cannot run valgrind (Debian: valgrind)")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{text}",
        output.status
    );
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = line.with_context(|| format!("no count in {text}"))?;
    Ok(number.trim().parse()?)
}

fn compare(counted: &Counts) -> anyhow::Result<()> {
    let recorded = read(&root().join(RECORDED))?;
    let wrong: Vec<String> = verdicts(&recorded, counted);
    ensure!(
        wrong.is_empty(),
        "{}\nif that is meant, `cargo xtask instructions --record` keeps the new counts",
        wrong.join("\n")
    );
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Counts> {
    let text = fs::read_to_string(file).with_context(|| format!("no {}", file.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// A line for each count that is not what it was.
fn verdicts(recorded: &Counts, counted: &Counts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (case, &now) in counted {
        let Some(&before) = recorded.get(case) else {
            wrong.push(format!("{case}: {now}, which is not recorded"));
            continue;
        };
        let change = now as f64 / before as f64 - 1.0;
        if change.abs() > TOLERANCE {
            let percent = change * 100.0;
            wrong.push(format!(
                "{case}: {now} in place of {before} ({percent:+.1} %)"
            ));
        }
    }
    let gone = recorded.keys().filter(|case| !counted.contains_key(*case));
    wrong.extend(gone.map(|case| format!("{case}: recorded, and not there any more")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Counts {
        of.iter()
            .map(|(case, count)| ((*case).to_owned(), *count))
            .collect()
    }

    #[test]
    fn counts_may_change_a_little_and_no_case_may_come_or_go() {
        let recorded = counts(&[("a", 1000), ("b", 1000), ("c", 1000), ("d", 1000)]);
        let counted = counts(&[("a", 1090), ("b", 1110), ("c", 890), ("e", 1)]);
        assert_eq!(
            verdicts(&recorded, &counted),
            [
                "b: 1110 in place of 1000 (+11.0 %)",
                "c: 890 in place of 1000 (-11.0 %)",
                "e: 1, which is not recorded",
                "d: recorded, and not there any more",
            ]
        );
        assert!(verdicts(&recorded, &recorded).is_empty());
    }
}
