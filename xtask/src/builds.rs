//! Builds that leave parts out, each of which must stand by itself.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{bail, ensure};

use crate::shell::{cargo, metadata, output, root, run, say, target, with_path};
use crate::{tools, venv};

/// What is off by default and tested: the protobuf half of the codec, the Open Inference Protocol,
/// ONNX files as components.
pub(crate) const TESTED: &str =
    "streeling-codec/proto,streeling-codec/oip,streeling-rest/oip,streeling/onnx";

/// A build that is run: `streeling-NAME` lies beside the whole server, where its tests look for it.
struct Build {
    name: &'static str,
    features: &'static [&'static str],
    /// Packages that must not be in it, because a build that leaves a feature out should not carry
    /// them.
    absent: &'static [&'static str],
}

const BUILDS: &[Build] = &[
    Build {
        name: "rest",
        features: &["rest", "python"],
        absent: &[
            "warp",
            "tonic",
            "h2",
            "prost",
            "streeling-grpc",
            "opentelemetry",
            "opentelemetry_sdk",
            "rustls",
            "thrift",
            "tract-core",
        ],
    },
    Build {
        name: "grpc",
        features: &["grpc", "python"],
        absent: &[
            "warp",
            "multer",
            "streeling-rest",
            "opentelemetry",
            "opentelemetry_sdk",
            "rustls",
            "thrift",
        ],
    },
];

/// Sets of parts that are not built for it, and packages that must not be in them: an exporter
/// brings its own crates along, and no other's.
const WITHOUT: &[(&[&str], &[&str])] = &[
    (
        &["rest", "grpc", "python", "metrics", "otlp"],
        &["thrift", "opentelemetry-jaeger", "rustls"],
    ),
    (
        &["rest", "grpc", "python", "metrics", "jaeger"],
        &["opentelemetry-otlp", "opentelemetry-proto"],
    ),
];

/// Compiles what ships and the example, and then each feature alone, none and all of the crates
/// that have any, without a warning. All of it on the oldest Rust that `Cargo.toml` promises, so
/// that one round shows both.
pub(crate) fn each_feature() -> anyhow::Result<()> {
    let rust = tools::oldest_rust()?;
    let folder = target()?.join("oldest-rust");
    let cargo = || {
        let mut cargo = Command::new("rustup");
        cargo
            .current_dir(root())
            .args(["run", &rust, "cargo"])
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", "-D warnings");
        cargo
    };
    run(cargo().args(["check", "--workspace", "--locked"]).args([
        "--exclude",
        "xtask",
        "--exclude",
        "streeling-tests",
    ]))?;
    let mut hack = cargo();
    hack.env("PATH", with_path(&venv::CARGO.programs()?)?)
        .args(["hack", "check", "--each-feature", "--locked"]);
    for name in with_features()? {
        hack.args(["--package", &name]);
    }
    run(&mut hack)
}

/// The crates of ours that have features.
fn with_features() -> anyhow::Result<Vec<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array();
    let names: Vec<String> = packages
        .into_iter()
        .flatten()
        .filter(|package| {
            package["features"]
                .as_object()
                .is_some_and(|all| !all.is_empty())
        })
        .filter_map(|package| Some(package["name"].as_str()?.to_owned()))
        .collect();
    ensure!(!names.is_empty(), "cargo metadata has an unknown form");
    Ok(names)
}

/// Builds the servers that lack a transport, and looks at what is in them; then the whole server
/// and the tests of all crates in one go, so that no dependency is compiled twice.
pub(crate) fn build() -> anyhow::Result<()> {
    for (features, absent) in WITHOUT {
        check_absent(features, absent)?;
    }
    for build in BUILDS {
        check_absent(build.features, build.absent)?;
        say(format_args!("   streeling-{}", build.name));
        let features = build.features.join(",");
        let choice = ["--no-default-features", "--features", &features];
        let messages = output(
            cargo()
                .args(["build", "--package", "streeling", "--bin", "streeling"])
                .args(["--locked", "--message-format", "json-render-diagnostics"])
                .args(choice)
                .stderr(Stdio::inherit()),
        )?;
        let Some(program) = executable(&messages) else {
            bail!("cargo build named no executable:\n{messages}");
        };
        let copy = program.with_file_name(format!("streeling-{}", build.name));
        // A copy that still runs cannot be written over.
        if copy.exists() {
            fs::remove_file(&copy)?;
        }
        fs::copy(program, copy)?;
    }
    say("   rust-model, a crate outside of the workspace");
    run(cargo()
        .args(["build", "--manifest-path", "examples/rust_model/Cargo.toml"])
        .arg("--target-dir")
        .arg(target()?)
        .arg("--locked"))?;
    whole()?;
    Ok(())
}

/// Builds the whole server and all tests; gives the server. The tests of the whole server run this
/// executable, which no test target builds.
pub(crate) fn whole() -> anyhow::Result<PathBuf> {
    run(cargo()
        .args(["build", "--workspace", "--bins", "--tests", "--locked"])
        .args(["--features", TESTED]))?;
    Ok(target()?.join("debug/streeling"))
}

/// Looks for packages that a build with only these features must not have.
fn check_absent(features: &[&str], absent: &[&str]) -> anyhow::Result<()> {
    let features = features.join(",");
    let tree = output(
        cargo()
            .args(["tree", "--package", "streeling", "--locked"])
            .args(["--edges", "normal", "--prefix", "none"])
            .args(["--no-default-features", "--features", &features]),
    )?;
    let names = || tree.lines().filter_map(|line| line.split(' ').next());
    // An empty tree would hold nothing that must be absent, either.
    if !names().any(|name| name == "tokio") {
        bail!("cargo tree has an unknown form:\n{tree}");
    }
    if let Some(found) = names().find(|name| absent.contains(name)) {
        bail!(
            "{found} must not be in a build with only {features} (cargo tree -p streeling \
             --no-default-features --features {features} -i {found})"
        );
    }
    Ok(())
}

/// The executable that Cargo's messages name.
pub(crate) fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_other_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/streeling\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/streeling")));
        assert_eq!(executable("{}"), None);
    }
}
