//! Running other programs, with a line for every step and its time.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the root").to_owned()
}

/// Cargo, of the toolchain that runs this.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    cargo
}

/// What Cargo knows of the crates of the workspace.
pub(crate) fn metadata() -> anyhow::Result<Value> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    Ok(serde_json::from_str(&text)?)
}

/// The folder that Cargo builds into.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str();
    Ok(folder.context("cargo does not say where it builds")?.into())
}

/// Runs one step of a longer task, and says before what it is and afterwards how long it took.
pub(crate) fn step(
    name: impl Display,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    say(format_args!("── {name}"));
    timed(name, work).map(|_| ())
}

/// Runs one step, and says how long it took.
pub(crate) fn timed(
    name: impl Display,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    work().with_context(|| format!("{name} failed"))?;
    let took = start.elapsed();
    say(format_args!("   {name}: {:.1} s", took.as_secs_f64()));
    Ok(took)
}

/// Prints a line on standard error, in bold on a terminal.
#[expect(clippy::print_stderr, reason = "this is a command-line tool")]
pub(crate) fn say(text: impl Display) {
    if stderr().is_terminal() {
        eprintln!("\x1b[1m{text}\x1b[0m");
    } else {
        eprintln!("{text}");
    }
}

/// Runs a program to its end; anything but success is an error that shows how to run it by hand.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = command_line(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// The output of a program that must succeed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = command_line(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run {line}"))?;
    if !output.status.success() {
        bail!(
            "{line}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// This process's search path, behind another folder.
pub(crate) fn with_path(first: &Path) -> anyhow::Result<OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where programs are, is the machine's matter and not a setting of the server"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    Ok(std::env::join_paths(
        [first.to_owned()].into_iter().chain(folders),
    )?)
}

fn command_line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
