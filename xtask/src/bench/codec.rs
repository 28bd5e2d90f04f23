//! `cargo xtask bench codec`: the JSON codec beside Python's `json` and NumPy, on the same text.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::spread::median;
use crate::shell::{cargo, output, say};
use crate::venv;

/// Turns that each side takes; the median of the turns counts.
const TURNS: usize = 5;

/// How often a turn reads and writes the document.
const PYTHON_ROUNDS: &str = "9";
const ROUNDS: &str = "101";

/// Writes a document into the file of the first argument, or measures the one that is there.
const SCRIPT: &str = r#"
import json, statistics, sys, time
import numpy as np

path, rounds = sys.argv[1], int(sys.argv[2])
if not rounds:
    kind = sys.argv[3]
    random = np.random.default_rng(0)
    array = random.random((1, 150528))
    if kind == "six":
        array = array.round(6)
    elif kind == "integers":
        array = random.integers(0, 256, (1, 150528))
    with open(path, "w") as file:
        json.dump({"data": {"ndarray": array.tolist()}}, file)
    sys.exit()
with open(path) as file:
    text = file.read()
read, written = [], []
for _ in range(rounds):
    start = time.perf_counter()
    array = np.array(json.loads(text)["data"]["ndarray"])
    middle = time.perf_counter()
    json.dumps({"data": {"names": [], "ndarray": array.tolist()}, "meta": {}})
    written.append(time.perf_counter() - middle)
    read.append(middle - start)
print(statistics.median(read) * 1e6, statistics.median(written) * 1e6)
"#;

/// The command line of `bench codec`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("codec").about("150,528 numbers as JSON: read and written, beside Python")
}

/// Measures both and prints a table.
pub(crate) fn run() -> anyhow::Result<()> {
    let python = venv::RUNTIME.ensure()?;
    let folder = tempfile::tempdir()?;
    let mut table = String::from("150,528 numbers           |    here µs |  Python µs | times\n");
    for (kind, name) in [
        ("six", "floats, six digits"),
        ("full", "floats, all digits"),
        ("integers", "integers below 256"),
    ] {
        let path = folder.path().join(kind);
        output(python_script(&python, &path).args(["0", kind]))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            ours.push(measure(
                cargo()
                    .args([
                        "bench",
                        "--quiet",
                        "--locked",
                        "--package",
                        "streeling-codec",
                    ])
                    .args(["--bench", "document", "--"])
                    .arg(&path)
                    .arg(ROUNDS),
            )?);
            theirs.push(measure(python_script(&python, &path).arg(PYTHON_ROUNDS))?);
        }
        for (index, what) in ["read", "write"].into_iter().enumerate() {
            let (ours, theirs) = (middle(&ours, index), middle(&theirs, index));
            writeln!(
                table,
                "{:<25} | {ours:>10.0} | {theirs:>10.0} | {:>5.1}",
                format!("{what} {name}"),
                theirs / ours
            )?;
        }
    }
    say(format_args!(
        "JSON, one row; medians of {TURNS} turns\n{table}"
    ));
    Ok(())
}

fn python_script(python: &Path, path: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).arg(path);
    command
}

/// The two numbers that a program prints.
fn measure(command: &mut Command) -> anyhow::Result<[f64; 2]> {
    let text = output(command)?;
    let mut words = text.split_whitespace().map(str::parse);
    match (words.next(), words.next()) {
        (Some(Ok(read)), Some(Ok(written))) => Ok([read, written]),
        _ => None.with_context(|| format!("two numbers were expected, not {text}")),
    }
}

fn middle(turns: &[[f64; 2]], index: usize) -> f64 {
    median(turns.iter().map(|turn| turn[index]))
}
