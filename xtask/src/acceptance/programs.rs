//! The programs that are published, as a stranger runs them: alone in a folder, on a machine of
//! their architecture or on an emulated one.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand};

use super::clients::found;
use super::server;
use crate::dist::release::{FULL, TARGETS, Target, VARIANTS, program, version};
use crate::pythons;
use crate::shell::{output, say};

/// Longer than any of it takes, emulated or not.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Needs nothing beside it.
const CLASS: &str = "class Doubles:
    def predict(self, X, names, meta=None):
        return [[2 * value for value in row] for row in X]
";

/// Every program says its version and serves a component in Rust; the machine's own also serves a
/// Python class under the oldest Python.
pub(super) fn run() -> anyhow::Result<String> {
    let version = version()?;
    let mut seen = Vec::new();
    for target in &TARGETS {
        let emulator = emulator(target)?;
        for variant in &VARIANTS {
            let program = program(variant, target)?;
            let label = format!("{} {}", variant.name, target.arch);
            echo(emulator.as_deref(), &program, &version).with_context(|| label.clone())?;
            let how = if emulator.is_some() {
                "emulated"
            } else {
                "native"
            };
            say(format_args!("   {label}, {how}: version and rust:echo"));
            seen.push(label);
        }
    }
    let native = TARGETS.iter().find(|target| target.arch == ARCH);
    let native = native.with_context(|| format!("no program is made for {ARCH}"))?;
    let python = pythons::oldest()?;
    let said = output(Command::new(&python).arg("--version"))?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Doubles.py"), CLASS)?;
    let started = server::command(&program(&FULL, native)?, &python, folder.path(), "Doubles");
    expect(
        &started.start()?,
        &json!([[2.0, -1.0]]),
        &json!([[4.0, -2.0]]),
    )?;
    Ok(format!("{}; {}", seen.join(", "), said.trim()))
}

/// What runs programs of an architecture; `None` for those of this machine.
fn emulator(target: &Target) -> anyhow::Result<Option<PathBuf>> {
    if target.arch == ARCH {
        return Ok(None);
    }
    let name = format!("qemu-{}", target.arch);
    Ok(Some(
        found(&name, "qemu is needed (Debian: qemu-user)")?.into(),
    ))
}

fn echo(emulator: Option<&Path>, program: &Path, version: &str) -> anyhow::Result<()> {
    let first = emulator.unwrap_or(program);
    let before = emulator.map(|_| program);
    let said = output(Command::new(first).args(before).arg("--version"))?;
    let expected = format!("streeling {version}");
    ensure!(said.trim() == expected, "{said:?} is not {expected:?}");
    let folder = tempfile::tempdir()?;
    let server = ServerCommand::new(first, folder.path())
        .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0")
        .args(before)
        .args(["rust:echo", "--http-port", "0", "--grpc-port", "0"])
        .start()?;
    let rows = json!([[1.0, 2.5], [3.0, 4.0]]);
    expect(&server, &rows, &rows)
}

/// Sends rows, and compares those that come back.
pub(super) fn expect(server: &Server, rows: &Value, expected: &Value) -> anyhow::Result<()> {
    let body = json!({"data": {"ndarray": rows}}).to_string();
    let response = Request::json("/predict", body).send(server.address(), TIMEOUT)?;
    let text = String::from_utf8(response.body)?;
    ensure!(response.status == 200, "{}: {text}", response.status);
    let response: Value = serde_json::from_str(&text)?;
    let found = &response["data"]["ndarray"];
    ensure!(found == expected, "{found} came back, not {expected}");
    Ok(())
}
