//! Whether a tag may be released: it is the version everywhere, the changelog has it, and the
//! interfaces of the crates have changed as much as the version says.

mod semver;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches};
use toml::Table;

use super::release::version;
use crate::shell::{root, say};

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("check")
        .about("Check that a tag is the version everywhere, and what the crates' interfaces are")
        .arg(
            Arg::new("tag")
                .long("tag")
                .required(true)
                .help("The tag of the release: the version, with a v before it"),
        )
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let tag = options.get_one::<String>("tag").context("it is required")?;
    let version = version()?;
    let faults = faults(&root(), tag, &version)?;
    for fault in &faults {
        say(format_args!("   {fault}"));
    }
    if !faults.is_empty() {
        bail!("{tag} cannot be released, see above");
    }
    say(format_args!("   {version} is the version everywhere"));
    semver::check()
}

/// Every place that says something else than the tag.
fn faults(root: &Path, tag: &str, version: &str) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut expect = |place: &str, found: &str, expected: &str| {
        if found != expected {
            faults.push(format!("{place} is {found}, not {expected}"));
        }
    };
    expect("the tag", tag, &format!("v{version}"));
    let python = "python/streeling/pyproject.toml";
    let text = read(root, python)?;
    let table = text.parse::<Table>().context(python)?;
    // maturin takes it from Cargo.toml.
    let dynamic = table["project"].get("dynamic");
    let is_dynamic = dynamic.is_some_and(|all| *all == toml::Value::from(vec!["version"]));
    let says = if is_dynamic { "dynamic" } else { "fixed" };
    expect(&format!("the version in {python}"), says, "dynamic");
    let python = "python/streeling-seldon/pyproject.toml";
    let table = read(root, python)?.parse::<Table>().context(python)?;
    let project = &table["project"];
    let own = project.get("version").and_then(toml::Value::as_str);
    let own = own.with_context(|| format!("{python} states no version"))?;
    expect(&format!("the version in {python}"), own, version);
    let needed = project.get("dependencies").and_then(toml::Value::as_array);
    let needed: Vec<&str> = needed
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    let place = format!("what {python} depends on");
    let expected = format!("streeling=={version}");
    expect(&place, &needed.join(", "), &expected);
    let chart = "deploy/helm/streeling/Chart.yaml";
    let text = read(root, chart)?;
    for key in ["version", "appVersion"] {
        let found = yaml(&text, key).with_context(|| format!("{chart} has no {key}"))?;
        expect(&format!("{key} in {chart}"), found, version);
    }
    let changes = read(root, "CHANGELOG.md")?;
    let heading = format!("## [{version}]");
    if !changes.lines().any(|line| line.starts_with(&heading)) {
        faults.push(format!("CHANGELOG.md has no section {heading:?}"));
    }
    Ok(faults)
}

fn read(root: &Path, path: &str) -> anyhow::Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| path.to_owned())
}

/// The value of a key at the top of a YAML file, without its quotes.
fn yaml<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 4] = [
        "python/streeling/pyproject.toml",
        "python/streeling-seldon/pyproject.toml",
        "deploy/helm/streeling/Chart.yaml",
        "CHANGELOG.md",
    ];

    /// A copy of what says a version, with a section for it in the changelog.
    fn copy(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in FILES {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let text = read(&root(), name).unwrap();
            fs::write(&file, text + &format!("\n## [{version}] - 2026-11-28\n")).unwrap();
        }
        folder
    }

    #[test]
    fn the_repository_has_one_version() {
        let version = version().unwrap();
        let folder = copy(&version);
        let found = faults(folder.path(), &format!("v{version}"), &version).unwrap();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_place_that_says_something_else_is_named() {
        let version = version().unwrap();
        let folder = copy(&version);
        let found = faults(folder.path(), "v9.9.9", "9.9.9").unwrap();
        let places = [
            "the version in python/streeling-seldon",
            "what python/streeling-seldon",
            "version in deploy",
            "appVersion in deploy",
            "CHANGELOG.md has no section \"## [9.9.9]\"",
        ];
        assert_eq!(found.len(), places.len(), "{found:?}");
        for (fault, place) in found.iter().zip(places) {
            assert!(fault.starts_with(place), "{fault}");
        }
        let found = faults(folder.path(), "v9.9.9", &version).unwrap();
        assert_eq!(found, [format!("the tag is v9.9.9, not v{version}")]);
    }

    #[test]
    fn a_version_of_its_own_in_the_server_s_wheel_is_a_fault() {
        let version = version().unwrap();
        let folder = copy(&version);
        let file = folder.path().join(FILES[0]);
        let text = fs::read_to_string(&file).unwrap();
        let fixed = text.replace("dynamic = [\"version\"]", "version = \"0.0.1\"");
        assert_ne!(text, fixed);
        fs::write(&file, fixed).unwrap();
        let found = faults(folder.path(), &format!("v{version}"), &version).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
