//! `cargo xtask collector`: a real OpenTelemetry Collector that shows the spans it gets.
//!
//! For development: building it takes minutes, so that CI has a receiver of its own,
//! `tests/collector.py`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::shell::{root, run, say};
use crate::tools;

/// What is built, and what it does, in the root of the repository.
const MANIFEST: &str = "deploy/collector/builder.yaml";
const CONFIG: &str = "deploy/collector/config.yaml";

/// Builds the collector unless it is there, and runs it until it is stopped.
pub(crate) fn serve() -> anyhow::Result<()> {
    let program = ensure()?;
    say(
        "Spans are shown here. For a server, in another terminal:\n   \
         TRACING=1 JAEGER_AGENT_HOST=127.0.0.1\n   \
         TRACING=1 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 \
         OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n   \
         TRACING=1 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
    );
    run(Command::new(program)
        .arg("--config")
        .arg(CONFIG)
        .current_dir(root()))
}

/// Makes the collector unless it is there by the same manifest; gives its path.
fn ensure() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools/collector");
    let program = folder.join("collector");
    let stamp = folder.join("collector.manifest");
    let expected = fs::read_to_string(root().join(MANIFEST))?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == expected) {
        return Ok(program);
    }
    let builder = tools::collector_builder()?;
    say(format_args!(
        "   building a collector in {}, which takes some minutes",
        folder.display()
    ));
    fs::create_dir_all(&folder)?;
    run(tools::go(Command::new(builder))
        .arg("--config")
        .arg(MANIFEST)
        .current_dir(root()))
    .context("no collector was built")?;
    fs::write(&stamp, expected)?;
    Ok(program)
}
