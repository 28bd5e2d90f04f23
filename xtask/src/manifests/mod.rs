//! `cargo xtask manifests`: what a cluster would say of `deploy/`, without one. Whether the chart
//! makes the same objects is seen by `cargo xtask acceptance helm`, which needs a helm.

mod custom;
mod kserve;
mod metrics;
mod object;
mod pod;
mod server;
mod set;
#[cfg(test)]
mod tests;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(crate) use self::object::Manifest;
use crate::shell::{root, say};

/// Objects of a server without Seldon Core.
const PLAIN: &str = "deploy/kubernetes";

/// Each a `SeldonDeployment`.
const SELDON: [&str; 2] = ["deploy/seldon", "deploy/seldon/graphs"];

/// A `ServingRuntime` and what it serves.
const KSERVE: &str = "deploy/kserve";

/// The page that says how to choose what is set in them.
const PAGE: &str = "docs/operations.md";

/// Checks every manifest, each alone and beside those that it is applied with, and the values of
/// the chart.
pub(crate) fn run() -> anyhow::Result<()> {
    let offered = metrics::offered()?;
    let page = fs::read_to_string(root().join(PAGE)).context(PAGE)?;
    let mut problems = Vec::new();
    let mut count = 0;
    for folder in [PLAIN, KSERVE].into_iter().chain(SELDON) {
        let manifests = read_folder(folder)?;
        problems.extend(set::problems(&manifests, &offered));
        for file in files(folder)? {
            let file = name(&file)?;
            if !page.contains(&format!("](../{file})")) {
                problems.push(format!("{PAGE} does not say what is set in {file}"));
            }
        }
        count += manifests.len();
    }
    report(&problems)?;
    let judged = values::check()?;
    say(format_args!(
        "   {count} objects, and {judged} sets of values of the chart"
    ));
    Ok(())
}

/// The objects of `deploy/kubernetes`.
pub(crate) fn plain() -> anyhow::Result<Vec<Manifest>> {
    read_folder(PLAIN)
}

/// Reads what a chart has become, and checks it as if it were a folder of manifests.
pub(crate) fn rendered(text: &str) -> anyhow::Result<Vec<Manifest>> {
    let manifests = Manifest::read("the rendered chart", text)?;
    report(&set::problems(&manifests, &metrics::offered()?))?;
    Ok(manifests)
}

/// Every document of every file of a folder.
fn read_folder(folder: &str) -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for path in files(folder)? {
        manifests.extend(Manifest::read(&name(&path)?, &fs::read_to_string(&path)?)?);
    }
    if manifests.is_empty() {
        bail!("{folder} has no manifest");
    }
    Ok(manifests)
}

/// The YAML files that lie in a folder itself.
fn files(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join(folder)).with_context(|| folder.to_owned())?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A file's path from the root of the repository.
fn name(path: &Path) -> anyhow::Result<String> {
    Ok(path.strip_prefix(root())?.display().to_string())
}

fn report(problems: &[String]) -> anyhow::Result<()> {
    if !problems.is_empty() {
        bail!("\n  {}", problems.join("\n  "));
    }
    Ok(())
}
