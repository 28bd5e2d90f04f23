//! Programs in `target/tools` that no Rust or Python package brings, made once and reused.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::shell::{cargo, metadata, output, root, run, say};

/// A command-line gRPC client. Newer ones want a newer Go than Debian 12 has (1.19).
const GRPCURL: &str = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9";

/// What makes a collector of the modules that a manifest names, which has the same version.
const COLLECTOR_BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.165.0";

/// What makes manifests of a chart.
const HELM: &str = "helm.sh/helm/v3/cmd/helm@v3.22.0";

/// What copies images and what refers to them between layouts and registries.
const ORAS: &str = "oras.land/oras/cmd/oras@v1.3.6";

/// A registry of images that keeps them in memory.
const REGISTRY: &str = "github.com/google/go-containerregistry/cmd/registry@v0.22.1";

/// Makes grpcurl unless it is there in the same version; gives its path.
pub(crate) fn grpcurl() -> anyhow::Result<PathBuf> {
    installed("grpcurl", GRPCURL).context("Go 1.18 or newer is needed (Debian: golang-go)")
}

/// Makes oras unless it is there in the same version; gives its path.
pub(crate) fn oras() -> anyhow::Result<PathBuf> {
    installed("oras", ORAS).context("Go 1.26 or newer is needed (see https://go.dev/dl)")
}

/// Makes the registry unless it is there in the same version; gives its path.
pub(crate) fn registry() -> anyhow::Result<PathBuf> {
    installed("registry", REGISTRY).context("Go 1.26 or newer is needed (see https://go.dev/dl)")
}

/// Makes the builder of collectors unless it is there in the same version; gives its path.
pub(crate) fn collector_builder() -> anyhow::Result<PathBuf> {
    installed("builder", COLLECTOR_BUILDER)
        .context("Go 1.26 or newer is needed (see https://go.dev/dl)")
}

/// Makes helm unless it is there in the same version; gives its path.
pub(crate) fn helm() -> anyhow::Result<PathBuf> {
    installed("helm", HELM).context("Go 1.26 or newer is needed (see https://go.dev/dl)")
}

/// Finds breaking changes of interfaces. It reads what rustdoc writes, so a newer Rust may want a
/// newer one of these.
const CARGO_SEMVER_CHECKS: &str = "0.51.0";

/// Compiles cargo-semver-checks unless it is there in the same version; gives its path.
pub(crate) fn cargo_semver_checks() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools");
    // Cargo itself sees whether it is there.
    run(cargo()
        .args(["install", "cargo-semver-checks", "--locked", "--quiet"])
        .args(["--version", CARGO_SEMVER_CHECKS, "--root"])
        .arg(&folder))?;
    Ok(folder.join("bin/cargo-semver-checks"))
}

/// Installs the oldest Rust that `Cargo.toml` promises unless it is there; gives its name.
pub(crate) fn oldest_rust() -> anyhow::Result<String> {
    let metadata = metadata()?;
    let version = metadata["packages"][0]["rust_version"]
        .as_str()
        .context("the workspace states no rust-version")?;
    let version = format!("{version}.0");
    let installed = output(Command::new("rustup").args(["toolchain", "list"]))
        .context("rustup is needed to compile with the oldest Rust (see https://rustup.rs)")?;
    if !installed.lines().any(|line| line.starts_with(&version)) {
        say(format_args!("   installing Rust {version}"));
        run(Command::new("rustup")
            .args(["toolchain", "install", &version, "--profile", "minimal"])
            .arg("--no-self-update"))?;
    }
    Ok(version)
}

/// Downloads a Go module unless it is there; gives its folder.
pub(crate) fn go_module(module: &str) -> anyhow::Result<PathBuf> {
    let text = output(go(Command::new("go")).args(["mod", "download", "-json", module]))?;
    let about: Value = serde_json::from_str(&text)?;
    let folder = about["Dir"].as_str();
    Ok(folder
        .context("go does not say where the module is")?
        .into())
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

/// Builds h2spec as `tests/hostile/h2spec` pins it and what it needs, which has no manifest of its
/// own; gives its path.
pub(crate) fn h2spec() -> anyhow::Result<PathBuf> {
    let program = root().join("target/tools/bin/h2spec");
    run(go(Command::new("go"))
        .args(["build", "-o"])
        .arg(&program)
        .arg("github.com/summerwind/h2spec/cmd/h2spec")
        .current_dir(root().join("tests/hostile/h2spec")))
    .context("Go 1.26 or newer is needed (see https://go.dev/dl)")?;
    Ok(program)
}
