//! Tests that take too long, or too much of the machine, for every run.

use std::process::Command;

use anyhow::ensure;

use crate::shell::{cargo, output, run as run_program};
use crate::{builds, tools, venv};

/// Modules of this name hold programs that other tests start.
const NOT_TESTS: [&str; 2] = ["--skip", "child::"];

/// Runs the tests that `cargo xtask test` leaves out, and the chaos with its full load.
pub(super) fn run() -> anyhow::Result<String> {
    builds::build()?;
    let listed = output(tests()?.args(["--", "--list", "--ignored"]).args(NOT_TESTS))?;
    let heavy = listed
        .lines()
        .filter(|line| line.ends_with(": test"))
        .count();
    ensure!(heavy > 0, "no test is marked as one for the acceptance");
    // One after the other: they measure time.
    let alone = ["--", "--ignored", "--test-threads", "1"];
    run_program(tests()?.args(alone).args(NOT_TESTS))?;
    run_program(
        tests()?
            .args(["--test", "all", "--", "chaos::"])
            .env("STREELING_TEST_CHAOS", "full"),
    )?;
    Ok(format!("{heavy} heavy tests, and full chaos"))
}

/// The tests of the workspace, to which arguments can be added.
fn tests() -> anyhow::Result<Command> {
    let mut tests = cargo();
    tests
        .args(["test", "--workspace", "--features", builds::PROTO])
        .arg("--locked")
        .env("STREELING_TEST_PYTHON", venv::RUNTIME.ensure()?)
        .env("STREELING_TEST_STUBS", venv::STUBS.ensure()?)
        .env("STREELING_TEST_COLLECTOR", venv::COLLECTOR.ensure()?)
        .env("STREELING_TEST_GRPCURL", tools::grpcurl()?);
    Ok(tests)
}
