//! The server as the parts of the acceptance run it.

use std::path::{Path, PathBuf};

use streeling_testkit::ServerCommand;

use crate::shell::{cargo, run, target};

/// Builds the server, without optimisation: what is looked at is what it does, not how fast.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    run(cargo().args(["build", "--package", "streeling", "--locked"]))?;
    Ok(target()?.join("debug/streeling"))
}

/// The server at its defaults, but for the ports, which are free ones, in a small environment.
pub(super) fn command(
    program: &Path,
    python: &Path,
    folder: &Path,
    component: &str,
) -> ServerCommand {
    ServerCommand::new(program, folder)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0")
        .env("STREELING_PYTHON", python)
        .args([component, "--http-port", "0", "--grpc-port", "0"])
}
