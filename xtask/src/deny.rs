//! `cargo deny`, by `deny.toml`: bans, licences and sources, and advisories where their database
//! can be reached.

use std::process::Command;

use anyhow::bail;

use crate::shell::{prepended, root, run, say};
use crate::venv;

/// How cargo-deny begins to say that it could not get the database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Judges every package of the lock file.
pub(crate) fn run_checks() -> anyhow::Result<()> {
    run(deny()?.args(["bans", "licenses", "sources"]))?;
    let advisories = deny()?.arg("advisories").output()?;
    let text = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        return Ok(());
    }
    if text.contains(UNREACHABLE) {
        say("   advisories: NOT CHECKED, because their database cannot be reached from here");
        return Ok(());
    }
    bail!("cargo deny check advisories: {}\n{text}", advisories.status)
}

fn deny() -> anyhow::Result<Command> {
    let program = venv::CARGO.ensure()?.with_file_name("cargo-deny");
    let path = prepended(&program)?;
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).env("PATH", path).args([
        "deny",
        "--all-features",
        "--locked",
        "check",
    ]);
    Ok(command)
}
