//! What all parts of a release know: its version, its architectures, and where its files lie.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgMatches};

use crate::shell::{metadata, root};

/// Which parts of the server are in a program.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// What the name of its archive ends with.
    pub(super) suffix: &'static str,
    /// `None`: the default ones.
    pub(super) features: Option<&'static [&'static str]>,
    /// Bytes at most.
    pub(super) limit: Option<u64>,
}

/// With every part that is on by default.
pub(crate) const FULL: Variant = Variant {
    name: "full",
    suffix: "",
    features: None,
    limit: None,
};

pub(crate) static VARIANTS: [Variant; 2] = [
    FULL,
    Variant {
        name: "rest-only",
        suffix: "-rest-only",
        features: Some(&["builtin", "metrics", "mimalloc", "oip", "python", "rest"]),
        limit: Some(8 << 20),
    },
];

/// The variant of this name.
pub(crate) fn variant(name: &str) -> anyhow::Result<&'static Variant> {
    let found = VARIANTS.iter().find(|one| one.name == name);
    found.with_context(|| format!("there is no variant {name}"))
}

/// The architecture of this Rust target.
pub(crate) fn target(triple: &str) -> anyhow::Result<&'static Target> {
    let found = TARGETS.iter().find(|one| one.triple == triple);
    found.with_context(|| format!("there is no build for {triple}"))
}

/// An architecture: its name, its Rust target, and its number in the head of a program.
pub(crate) struct Target {
    pub(crate) arch: &'static str,
    pub(crate) triple: &'static str,
    pub(super) machine: u16,
}

pub(crate) static TARGETS: [Target; 2] = [
    Target {
        arch: "x86_64",
        triple: "x86_64-unknown-linux-musl",
        machine: 62,
    },
    Target {
        arch: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        machine: 183,
    },
];

/// The option that chooses among [`TARGETS`].
pub(super) fn target_argument() -> Arg {
    let triples = TARGETS.iter().map(|target| target.triple);
    list("target", triples.collect(), "Only for these")
}

/// The option that chooses among [`VARIANTS`].
pub(super) fn variant_argument() -> Arg {
    let names = VARIANTS.iter().map(|variant| variant.name);
    list("variant", names.collect(), "Only these")
}

fn list(name: &'static str, values: Vec<&'static str>, help: &str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_delimiter(',')
        .value_parser(values)
        .help(format!("{help}, separated by commas; default all"))
}

/// The architectures that [`target_argument`] has chosen.
pub(super) fn chosen_targets(options: &ArgMatches) -> impl Iterator<Item = &'static Target> {
    TARGETS
        .iter()
        .filter(move |target| is_chosen(options, "target", target.triple))
}

/// The variants that [`variant_argument`] has chosen.
pub(super) fn chosen_variants(options: &ArgMatches) -> impl Iterator<Item = &'static Variant> {
    VARIANTS
        .iter()
        .filter(move |variant| is_chosen(options, "variant", variant.name))
}

fn is_chosen(options: &ArgMatches, name: &str, value: &str) -> bool {
    let chosen = options.get_many::<String>(name);
    chosen.is_none_or(|mut all| all.any(|one| one == value))
}

/// The folder of everything that is published.
pub(crate) fn folder() -> PathBuf {
    root().join("target/dist")
}

/// The folder of the wheels.
pub(crate) fn wheels() -> PathBuf {
    folder().join("wheels")
}

/// The version of the workspace.
pub(crate) fn version() -> anyhow::Result<String> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array();
    let server = packages
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "streeling");
    let version = server.and_then(|package| package["version"].as_str());
    Ok(version
        .context("cargo metadata knows no package streeling")?
        .to_owned())
}

/// A program that `cargo xtask dist binaries` has made.
pub(crate) fn program(variant: &Variant, target: &Target) -> anyhow::Result<PathBuf> {
    let file = folder()
        .join("bin")
        .join(variant.name)
        .join(target.triple)
        .join("streeling");
    ensure!(
        file.is_file(),
        "{} is missing; `cargo xtask dist binaries --variant {} --target {}` makes it",
        file.display(),
        variant.name,
        target.triple
    );
    Ok(file)
}
