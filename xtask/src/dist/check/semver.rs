//! `cargo semver-checks` of every crate that is published, against what is published of it.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell::{cargo, metadata, run, say, with_path};
use crate::tools;

/// Compares the interfaces; where nothing is published yet, says so.
pub(super) fn check() -> anyhow::Result<()> {
    // All are published in one go, so that one speaks for all.
    let Some(version) = published("streeling")? else {
        say("   NOT COMPARED: no version of streeling is on crates.io, so none can be broken");
        return Ok(());
    };
    say(format_args!("   compared with {version} on crates.io"));
    let programs = tools::cargo_semver_checks()?;
    let folder = programs.parent().context("a program lies in a folder")?;
    let mut check = cargo();
    check.env("PATH", with_path(folder)?).arg("semver-checks");
    for name in libraries()? {
        check.args(["--package", &name]);
    }
    run(&mut check)
}

/// The newest version of a crate on crates.io, if there is any.
fn published(name: &str) -> anyhow::Result<Option<String>> {
    // In another folder, because in this one the crate would be the workspace's own.
    let folder = tempfile::tempdir()?;
    let found = Command::new(env!("CARGO"))
        .args(["info", name, "--registry", "crates-io"])
        .current_dir(folder.path())
        .output()?;
    let said = String::from_utf8_lossy(&found.stderr);
    if found.status.success() {
        let text = String::from_utf8(found.stdout)?;
        return Ok(Some(
            version_of(&text).context("cargo info has no version")?,
        ));
    }
    if said.contains(&format!("could not find `{name}` in registry")) {
        return Ok(None);
    }
    bail!("cargo info {name}: {}\n{said}", found.status)
}

/// The version in what `cargo info` prints, as in `version: 0.1.0 (latest 0.2.0)`.
fn version_of(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("version: "))?;
    let newest = line.split_once("(latest ").map(|(_, rest)| rest);
    let version = newest.unwrap_or(line).trim_end_matches(')');
    Some(version.split(' ').next()?.to_owned())
}

/// The crates with an interface that are published.
fn libraries() -> anyhow::Result<Vec<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array();
    let names = packages.into_iter().flatten().filter_map(|package| {
        let mut targets = package["targets"].as_array()?.iter();
        let is_library = targets.any(|target| target["kind"][0] == "lib");
        // An empty list of registries is `publish = false`.
        let is_published = package["publish"].is_null();
        (is_library && is_published).then(|| package["name"].as_str().map(str::to_owned))?
    });
    let names: Vec<String> = names.collect();
    anyhow::ensure!(!names.is_empty(), "cargo metadata has an unknown form");
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_read() {
        let text = "streeling #inference\nA server\nversion: 0.1.0 (latest 0.2.0)\nlicense: X\n";
        assert_eq!(version_of(text), Some("0.2.0".to_owned()));
        assert_eq!(version_of("version: 0.1.0\n"), Some("0.1.0".to_owned()));
        let own = "version: 0.1.0 (from ./crates/streeling)\n";
        assert_eq!(version_of(own), Some("0.1.0".to_owned()));
        assert_eq!(version_of("license: X\n"), None);
    }

    #[test]
    fn the_crates_that_are_published_are_compared_and_no_others() {
        let names = libraries().unwrap();
        for name in ["streeling", "streeling-core"] {
            assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
        }
        for name in ["xtask", "streeling-tests", "streeling-testkit"] {
            assert!(
                !names.iter().any(|found| found == name),
                "{name}: {names:?}"
            );
        }
    }
}
