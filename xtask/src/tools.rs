//! Programs in `target/tools` that no Rust or Python package brings, made once and reused.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::shell::{root, run, say};

/// A command-line gRPC client. Newer ones want a newer Go than Debian 12 has (1.19).
const GRPCURL: &str = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9";

/// What makes a collector of the modules that a manifest names, which has the same version.
const COLLECTOR_BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.165.0";

/// Makes grpcurl unless it is there in the same version; gives its path.
pub(crate) fn grpcurl() -> anyhow::Result<PathBuf> {
    installed("grpcurl", GRPCURL).context("Go 1.18 or newer is needed (Debian: golang-go)")
}

/// Makes the builder of collectors unless it is there in the same version; gives its path.
pub(crate) fn collector_builder() -> anyhow::Result<PathBuf> {
    installed("builder", COLLECTOR_BUILDER)
        .context("Go 1.26 or newer is needed (see https://go.dev/dl)")
}

/// Sets a command up that lets Go build; what the machine sets for Go's builds of other things does
/// not belong in these.
pub(crate) fn go(mut command: Command) -> Command {
    command.env("GOFLAGS", "").env("CGO_ENABLED", "0");
    command
}

/// Installs a Go program, named as the last part of its package, unless it is there in that
/// version.
fn installed(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools/bin");
    let program = folder.join(name);
    let stamp = folder.join(format!("{name}.version"));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == package) {
        return Ok(program);
    }
    say(format_args!(
        "   installing {package} into {}",
        folder.display()
    ));
    run(go(Command::new("go"))
        .args(["install", package])
        .env("GOBIN", &folder))?;
    fs::write(&stamp, package)?;
    Ok(program)
}
