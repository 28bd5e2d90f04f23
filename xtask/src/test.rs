//! `cargo xtask test`: everything that CI runs, in one tier of at most 40 minutes on two cores.
//! What is heavier is in `cargo xtask acceptance`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches};

use self::Work::{Partial, Whole};
use crate::builds::TESTED;
use crate::shell::{cargo, root, run, say, timed};
use crate::{
    builds, codegen, deny, differential, docs, edges, instructions, manifests, pythons, soak,
    style, tools, venv,
};

/// A check: its name, what it does, and the work.
type Check = (&'static str, &'static str, Work);

enum Work {
    /// It checks all that it is for.
    Whole(fn() -> anyhow::Result<()>),
    /// It says what it had to leave out, which the end of the run repeats.
    Partial(fn() -> anyhow::Result<Option<&'static str>>),
}

/// The quick ones first.
const CHECKS: &[Check] = &[
    ("format", "rustfmt on every crate", Whole(format)),
    (
        "style",
        "width of lines, names, lengths of files, circles of imports, links of pages",
        Whole(style::run),
    ),
    ("edges", "which crate depends on which", Whole(edges::run)),
    (
        "generated-pages",
        "docs/ is what the code says",
        Whole(generated_pages),
    ),
    (
        "manifests",
        "deploy/ is what a cluster takes, and fits together",
        Whole(manifests::run),
    ),
    (
        "generated-types",
        "messages are what proto/ says",
        Whole(generated_types),
    ),
    (
        "dependencies",
        "cargo deny: bans, licences, sources, advisories",
        Partial(deny::run_checks),
    ),
    (
        "lint",
        "clippy on every target of the workspace, with every feature",
        Whole(lint),
    ),
    (
        "features",
        "each feature alone, none and all, on the oldest Rust",
        Whole(builds::each_feature),
    ),
    (
        "documentation",
        "rustdoc without a warning",
        Whole(documentation),
    ),
    (
        "builds",
        "the server, its tests, and servers that lack a transport",
        Whole(builds::build),
    ),
    (
        "tests",
        "every crate, and the whole server over the wire",
        Whole(tests),
    ),
    (
        "soak",
        "half a minute of load and faults, every request of which is accounted for",
        Whole(short_soak),
    ),
    (
        "oldest-python",
        "workers under the oldest Python, NumPy and protobuf, none of them forked",
        Whole(oldest_python),
    ),
    (
        "newest-python",
        "workers under the newest Python and NumPy",
        Whole(newest_python),
    ),
    (
        "json",
        "the codec reads random documents as Python and NumPy do",
        Whole(json),
    ),
    (
        "instructions",
        "what a small request costs, as Valgrind counts it",
        Whole(instructions::check),
    ),
    (
        "python-code",
        "ruff, mypy, unit tests with and without NumPy",
        Whole(python_code),
    ),
];

/// The arguments of `cargo xtask test`.
pub(crate) fn command() -> clap::Command {
    let names = CHECKS.iter().map(|(name, ..)| *name);
    clap::Command::new("test")
        .about("Run everything that CI runs, or only the named checks")
        .arg(
            Arg::new("checks")
                .value_name("CHECK")
                .num_args(..)
                .value_parser(PossibleValuesParser::new(names)),
        )
}

/// Runs the checks that are named, or all of them.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let named: Vec<&String> = options.get_many("checks").unwrap_or_default().collect();
    let checks: Vec<&Check> = CHECKS
        .iter()
        .filter(|(name, ..)| named.is_empty() || named.iter().any(|wanted| *wanted == name))
        .collect();
    let start = Instant::now();
    say(format_args!("{} checks:", checks.len()));
    for (name, what, _) in &checks {
        say(format_args!("   {name}: {what}"));
    }
    let mut times = Vec::new();
    let mut left_out = Vec::new();
    for (index, (name, what, work)) in checks.iter().enumerate() {
        let number = index + 1;
        say(format_args!("── {number}/{} {name}: {what}", checks.len()));
        let time = timed(name, || {
            match work {
                Whole(check) => check()?,
                Partial(check) => left_out.extend(check()?),
            }
            Ok(())
        })?;
        times.push((*name, time));
    }
    summary(&times, &left_out, start.elapsed());
    Ok(())
}

fn summary(times: &[(&str, Duration)], left_out: &[&str], total: Duration) {
    say("── times");
    for (name, time) in times {
        say(format_args!("   {:>6.1} s  {name}", time.as_secs_f64()));
    }
    for left_out in left_out {
        say(format_args!("but {left_out}"));
    }
    let seconds = total.as_secs();
    say(format_args!(
        "all {} checks passed in {} min {} s",
        times.len(),
        seconds / 60,
        seconds % 60
    ));
}

fn format() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

fn generated_pages() -> anyhow::Result<()> {
    docs::run(true)
}

fn generated_types() -> anyhow::Result<()> {
    codegen::run(true)
}

fn lint() -> anyhow::Result<()> {
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets", "--locked"])
        .args(["--all-features", "--", "-D", "warnings"]))
}

fn documentation() -> anyhow::Result<()> {
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}

fn short_soak() -> anyhow::Result<()> {
    let seen = soak::run(&soak::Options::short(builds::whole()?))?;
    say(format_args!("   {seen}"));
    Ok(())
}

fn tests() -> anyhow::Result<()> {
    run(test_command(&venv::RUNTIME.ensure()?)?.args(["--", "--quiet"]))
}

/// The tests of the workspace, with components under this interpreter.
pub(crate) fn test_command(python: &Path) -> anyhow::Result<Command> {
    let mut command = cargo();
    command
        .args(["test", "--workspace", "--features", TESTED])
        .arg("--locked")
        .env("STREELING_TEST_PYTHON", python)
        .env("STREELING_TEST_STUBS", venv::STUBS.ensure()?)
        .env("STREELING_TEST_TRITON", venv::TRITON.ensure()?)
        .env("STREELING_TEST_COLLECTOR", venv::COLLECTOR.ensure()?)
        .env("STREELING_TEST_GRPCURL", tools::grpcurl()?);
    Ok(command)
}

/// All workers construct the component themselves here: what holds for forked ones must hold for
/// these.
fn oldest_python() -> anyhow::Result<()> {
    other_python(&pythons::oldest()?, "spawn", &["chaos::", "signals::"])
}

fn newest_python() -> anyhow::Result<()> {
    other_python(&pythons::newest()?, "auto", &[])
}

/// Modules of whole-server tests that reach into a worker; the others are the same for any Python.
/// Not those of conformance, whose recording holds texts of one Python's and one NumPy's own.
const WORKER_TESTS: &[&str] = &[
    "children::",
    "examples::",
    "load::",
    "logs::",
    "passthrough::",
    "service::",
    "starts::",
    "traces::",
    "workers::",
];

fn other_python(python: &Path, worker_start: &str, more: &[&str]) -> anyhow::Result<()> {
    unit_tests(python)?;
    let tests = || -> anyhow::Result<Command> {
        let mut command = test_command(python)?;
        command.env("STREELING_TEST_WORKER_START", worker_start);
        Ok(command)
    };
    run(tests()?.args(["--test", "pool", "--", "--quiet"]))?;
    run(tests()?
        .args(["--test", "all", "--", "--quiet"])
        .args(WORKER_TESTS)
        .args(more))
}

fn json() -> anyhow::Result<()> {
    differential::compare(differential::FEW, 1)
}

/// Checks and tests the Python code; the worker also with no NumPy at all.
fn python_code() -> anyhow::Result<()> {
    let tools = venv::TOOLS.ensure()?;
    module(&tools, &["ruff", "check", "--quiet"])?;
    module(
        &tools,
        &[
            "ruff",
            "format",
            "--check",
            "--quiet",
            "crates/onnx/tests",
            "crates/python/python",
            "deploy/image",
            "examples",
            "python",
            "tests/acceptance",
            "tests/collector.py",
            "tests/conformance/grpc_client.py",
            "tests/instructions",
            "tests/oip",
            "tests/parity",
            "xtask/unpack_python.py",
        ],
    )?;
    module(&tools, &["mypy", "--no-error-summary"])?;
    let runtime = venv::RUNTIME.ensure()?;
    unit_tests(&runtime)?;
    // Without site there is no NumPy, nor anything else that was installed.
    run(unit_test_command(Path::new("python3"), &["-S"]).env("STREELING_TEST_WITHOUT", "1"))?;
    for tests in [
        "deploy/image/test_scripts.py",
        "examples/test_examples.py",
        "python/streeling-seldon/tests/test_command.py",
    ] {
        module(&runtime, &["unittest", "--quiet", tests])?;
    }
    Ok(())
}

/// The unit tests of the Python package, under this interpreter.
fn unit_tests(python: &Path) -> anyhow::Result<()> {
    run(&mut unit_test_command(python, &[]))
}

fn unit_test_command(python: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(python);
    command
        .args(options)
        .args(["-m", "unittest", "discover", "--quiet", "--start-directory"])
        .arg("crates/python/python/tests")
        .current_dir(root());
    command
}

fn module(python: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::new(python)
        .arg("-m")
        .args(arguments)
        .current_dir(root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_worker_tests_is_there() {
        for name in WORKER_TESTS {
            let name = name.trim_end_matches("::");
            let file = root().join(format!("tests/tests/all/{name}.rs"));
            assert!(file.exists(), "{name}");
        }
    }
}
