//! The servers and clients of `MLServer` and `KServe`, which need large packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::record::Recorder;
use crate::conformance;
use crate::shell::root;
use crate::venv::{KSERVE, MLSERVER_SKLEARN};

/// Records the clients, and checks that the servers still respond as they are recorded.
pub(super) fn run() -> anyhow::Result<String> {
    let python = conformance::python()?;
    let mut recorder = Recorder::start()?;
    for (name, venv, script) in [
        ("kserve", &KSERVE, "with_kserve.py"),
        ("mlserver-infer", &MLSERVER_SKLEARN, "with_mlserver.py"),
    ] {
        let interpreter = venv.ensure_with(Path::new(&python))?;
        let mut client = Command::new(interpreter);
        client.arg(script).current_dir(clients());
        recorder.record(name, &mut client)?;
    }
    let seen = recorder.seen.text();
    drop(recorder);
    let check = ["oip", "--check"].map(str::to_owned);
    conformance::run(&check)?;
    Ok(format!("{seen}; MLServer and KServe as recorded"))
}

fn clients() -> PathBuf {
    root().join("tests/acceptance/clients")
}
