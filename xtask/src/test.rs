//! `cargo xtask test`: everything that CI runs.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::shell::{cargo, root, run, say, step};
use crate::{builds, codegen, differential, docs, edges, style, tools, venv};

/// The protobuf half of the codec, which is off by default.
const PROTO: &str = "streeling-codec/proto";

/// Runs every check, the quick ones first.
pub(crate) fn all() -> anyhow::Result<()> {
    let start = Instant::now();
    step("format", || run(cargo().args(["fmt", "--all", "--check"])))?;
    step("style", style::run)?;
    step("edges between crates", edges::run)?;
    step("generated pages", || docs::run(true))?;
    step("generated types", || codegen::run(true))?;
    step("lint", || {
        run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            PROTO,
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("features", builds::lint)?;
    step("documentation", || {
        run(cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    let python = venv::RUNTIME.ensure()?;
    let stubs = venv::STUBS.ensure()?;
    let collector = venv::COLLECTOR.ensure()?;
    let grpcurl = tools::grpcurl()?;
    step("tests", || {
        // The tests of the whole server run executables, which no test target builds.
        builds::build()?;
        run(cargo()
            .args([
                "test",
                "--workspace",
                "--features",
                PROTO,
                "--locked",
                "--quiet",
            ])
            .env("STREELING_TEST_PYTHON", &python)
            .env("STREELING_TEST_STUBS", &stubs)
            .env("STREELING_TEST_COLLECTOR", &collector)
            .env("STREELING_TEST_GRPCURL", &grpcurl))
    })?;
    step("JSON as Python reads it", || {
        differential::compare(differential::FEW, 1)
    })?;
    step("Python", || self::python(&python))?;
    say(format_args!(
        "everything passed in {:.0} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Checks and tests the Python code; the worker also with no NumPy at all.
fn python(runtime: &Path) -> anyhow::Result<()> {
    let tools = venv::TOOLS.ensure()?;
    let module = |python: &Path, arguments: &[&str]| {
        run(Command::new(python)
            .arg("-m")
            .args(arguments)
            .current_dir(root()))
    };
    module(&tools, &["ruff", "check", "--quiet"])?;
    module(
        &tools,
        &[
            "ruff",
            "format",
            "--check",
            "--quiet",
            "crates/python/python",
            "examples",
            "tests/collector.py",
            "tests/conformance/grpc_client.py",
        ],
    )?;
    module(&tools, &["mypy", "--no-error-summary"])?;
    let worker = [
        "unittest",
        "discover",
        "--quiet",
        "--start-directory",
        "crates/python/python/tests",
    ];
    module(runtime, &worker)?;
    module(Path::new("python3"), &worker)?;
    module(
        runtime,
        &["unittest", "--quiet", "examples/test_examples.py"],
    )
}
