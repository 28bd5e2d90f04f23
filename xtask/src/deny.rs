//! `cargo deny`, by `deny.toml`: bans, licences and sources, and advisories where their database
//! can be reached.

use std::process::Command;

use anyhow::bail;

use crate::shell::{root, run, with_path};
use crate::venv;

/// How cargo-deny begins to say that it could not get the database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Judges every package of the lock file; says what could not be judged.
pub(crate) fn run_checks() -> anyhow::Result<Option<&'static str>> {
    run(deny()?.args(["bans", "licenses", "sources"]))?;
    let advisories = deny()?.arg("advisories").output()?;
    let text = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        return Ok(None);
    }
    if text.contains(UNREACHABLE) {
        return Ok(Some(
            "advisories: NOT CHECKED, their database cannot be reached",
        ));
    }
    bail!("cargo deny check advisories: {}\n{text}", advisories.status)
}

fn deny() -> anyhow::Result<Command> {
    let path = with_path(&venv::CARGO.programs()?)?;
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).env("PATH", path).args([
        "deny",
        "--all-features",
        "--locked",
        "check",
    ]);
    Ok(command)
}
