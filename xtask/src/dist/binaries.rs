//! Static programs, cross-compiled without a container: zig brings a compiler and a musl for each
//! architecture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgMatches};

use super::elf::Program;
use crate::shell::{cargo, root, run, say, target, timed, with_path};
use crate::venv;

/// Which parts of the server are in a program.
struct Variant {
    name: &'static str,
    /// `None`: the default ones.
    features: Option<&'static [&'static str]>,
    /// Bytes at most.
    limit: Option<u64>,
}

const VARIANTS: [Variant; 2] = [
    Variant {
        name: "full",
        features: None,
        limit: None,
    },
    Variant {
        name: "rest-only",
        features: Some(&["builtin", "metrics", "mimalloc", "python", "rest"]),
        limit: Some(8 << 20),
    },
];

/// An architecture: the name of its Rust target, and its number in the head of a program.
struct Target {
    triple: &'static str,
    machine: u16,
}

const TARGETS: [Target; 2] = [
    Target {
        triple: "x86_64-unknown-linux-musl",
        machine: 62,
    },
    Target {
        triple: "aarch64-unknown-linux-musl",
        machine: 183,
    },
];

/// The features of a variant; `None`: the default ones.
pub(crate) fn features(variant: &str) -> anyhow::Result<Option<&'static [&'static str]>> {
    let found = VARIANTS.iter().find(|one| one.name == variant);
    Ok(found
        .with_context(|| format!("there is no variant {variant}"))?
        .features)
}

/// The subcommand.
pub(super) fn command() -> clap::Command {
    let list = |name, values: Vec<&'static str>, help| {
        Arg::new(name)
            .long(name)
            .value_delimiter(',')
            .value_parser(values)
            .help(help)
    };
    clap::Command::new("binaries")
        .about("Static programs for each architecture, and their sizes")
        .arg(list(
            "variant",
            VARIANTS.iter().map(|variant| variant.name).collect(),
            "Only these, separated by commas; default all",
        ))
        .arg(list(
            "target",
            TARGETS.iter().map(|target| target.triple).collect(),
            "Only for these, separated by commas; default all",
        ))
        .arg(
            Arg::new("output")
                .long("output")
                .default_value("target/dist/bin")
                .help("Where the programs go: VARIANT/TARGET/streeling in this folder"),
        )
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let is_chosen = |name: &str, value: &str| {
        let chosen = options.get_many::<String>(name);
        chosen.is_none_or(|mut all| all.any(|one| one == value))
    };
    let output = options.get_one::<String>("output");
    let output = root().join(output.context("it has a default")?);
    let path = with_path(&venv::ZIG.programs()?)?;
    let mut sizes = Vec::new();
    for target in TARGETS.iter().filter(|one| is_chosen("target", one.triple)) {
        run(Command::new("rustup").args(["target", "add", target.triple]))
            .context("rustup is needed to get Rust's own library for it")?;
        for variant in VARIANTS.iter().filter(|one| is_chosen("variant", one.name)) {
            let label = format!("{} {}", variant.name, target.triple);
            let mut program = PathBuf::new();
            timed(&label, || {
                program = compile(variant, target, &path)?;
                Ok(())
            })?;
            let size = check(&program, variant, target)?;
            let folder = output.join(variant.name).join(target.triple);
            fs::create_dir_all(&folder)?;
            let file = folder.join("streeling");
            fs::copy(&program, &file)?;
            sizes.push((label, size, file));
        }
    }
    for (label, size, file) in sizes {
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let megabytes = size as f64 / 1e6;
        say(format_args!(
            "{label:<40} {megabytes:6.2} MB  {}",
            file.display()
        ));
    }
    Ok(())
}

fn compile(
    variant: &Variant,
    target_of: &Target,
    path: &std::ffi::OsStr,
) -> anyhow::Result<PathBuf> {
    let folder = target()?.join("dist-build");
    let mut build = cargo();
    build
        .args([
            "zigbuild",
            "--release",
            "--locked",
            "--package",
            "streeling",
        ])
        .args(["--bin", "streeling", "--target", target_of.triple])
        .arg("--target-dir")
        .arg(&folder)
        .env("PATH", path)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        // Paths of this machine are nothing that users need.
        .env("CARGO_ENCODED_RUSTFLAGS", remapped());
    if let Some(features) = variant.features {
        build
            .args(["--no-default-features", "--features"])
            .arg(features.join(","));
    }
    run(&mut build)?;
    Ok(folder.join(target_of.triple).join("release/streeling"))
}

/// Flags that keep the folders of this machine out of the program.
fn remapped() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "where Cargo keeps its files, is the machine's matter"
    )]
    let home = std::env::var("CARGO_HOME").ok().or_else(|| {
        let home = std::env::var("HOME").ok()?;
        Some(format!("{home}/.cargo"))
    });
    let root = root().display().to_string();
    let mut flags = vec![format!("--remap-path-prefix={root}=streeling")];
    flags.extend(home.map(|home| format!("--remap-path-prefix={home}=cargo")));
    flags.join("\u{1f}")
}

/// Makes sure that it is for this machine, static, and not too large; gives its size in bytes.
fn check(program: &Path, variant: &Variant, target: &Target) -> anyhow::Result<u64> {
    let bytes = fs::read(program)?;
    let elf = Program::read(&bytes).context("no program of 64 bits")?;
    ensure!(
        elf.machine == target.machine,
        "it is for machine {}, not {}",
        elf.machine,
        target.machine
    );
    ensure!(!elf.has_loader, "it needs a loader, so it is not static");
    ensure!(!elf.needs_libraries, "it needs shared libraries");
    let size = bytes.len() as u64;
    if let Some(limit) = variant.limit {
        ensure!(
            size <= limit,
            "{} has {size} bytes, at most {limit} were promised",
            variant.name
        );
    }
    Ok(size)
}
