//! Tests that take too long, or too much of the machine, for every run.

use anyhow::ensure;

use crate::shell::{output, run as run_program};
use crate::test::test_command;
use crate::{builds, venv};

/// Modules of this name hold programs that other tests start.
const NOT_TESTS: [&str; 2] = ["--skip", "child::"];

/// Runs the tests that `cargo xtask test` leaves out, and the chaos with its full load.
pub(super) fn run() -> anyhow::Result<String> {
    builds::build()?;
    let python = venv::RUNTIME.ensure()?;
    let tests = || test_command(&python);
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
