//! Programs in `target/tools` that no Rust or Python package brings, made once and reused.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::shell::{root, run, say};

/// A command-line gRPC client. Newer ones want a newer Go than Debian 12 has (1.19).
const GRPCURL: &str = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9";

/// Makes grpcurl unless it is there in the same version; gives its path.
pub(crate) fn grpcurl() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools/bin");
    let program = folder.join("grpcurl");
    let stamp = folder.join("grpcurl.version");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == GRPCURL) {
        return Ok(program);
    }
    say(format_args!(
        "   installing {GRPCURL} into {}",
        folder.display()
    ));
    // What the machine sets for Go's builds of other things does not belong in this one.
    run(Command::new("go")
        .args(["install", GRPCURL])
        .env("GOBIN", &folder)
        .env("GOFLAGS", "")
        .env("CGO_ENABLED", "0"))
    .context("Go 1.18 or newer is needed (Debian: golang-go)")?;
    fs::write(&stamp, GRPCURL)?;
    Ok(program)
}
