//! Tests of the whole server that take too long, or too much of the machine, for every run.

use std::process::Command;

use anyhow::ensure;

use crate::shell::{cargo, output, run as run_program};
use crate::{builds, tools, venv};

/// Runs the tests that `cargo xtask test` leaves out, and the chaos with its full load.
pub(super) fn run() -> anyhow::Result<String> {
    builds::build()?;
    let listed = output(tests()?.args(["--list", "--ignored"]))?;
    let heavy = listed
        .lines()
        .filter(|line| line.ends_with(": test"))
        .count();
    ensure!(heavy > 0, "no test is marked as one for the acceptance");
    run_program(tests()?.arg("--ignored"))?;
    run_program(tests()?.arg("chaos::").env("STREELING_TEST_CHAOS", "full"))?;
    Ok(format!("{heavy} heavy tests, and full chaos"))
}

/// The tests of the whole server, to which arguments can be added.
fn tests() -> anyhow::Result<Command> {
    let mut tests = cargo();
    tests
        .args(["test", "--package", "streeling-tests", "--test", "all"])
        .args(["--locked", "--quiet", "--"])
        .env("STREELING_TEST_PYTHON", venv::RUNTIME.ensure()?)
        .env("STREELING_TEST_STUBS", venv::STUBS.ensure()?)
        .env("STREELING_TEST_COLLECTOR", venv::COLLECTOR.ensure()?)
        .env("STREELING_TEST_GRPCURL", tools::grpcurl()?);
    Ok(tests)
}
