//! Static programs, cross-compiled without a container: zig brings a compiler and a musl for each
//! architecture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgMatches};

use super::elf::Program;
use super::release::{
    Target, Variant, chosen_targets, chosen_variants, target_argument, variant_argument,
};
use crate::shell::{cargo, output, root, run, say, target, timed, with_path};
use crate::venv;

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("binaries")
        .about("Static programs for each architecture, and their sizes")
        .arg(variant_argument())
        .arg(target_argument())
        .arg(
            Arg::new("output")
                .long("output")
                .default_value("target/dist/bin")
                .help("Where the programs go: VARIANT/TARGET/streeling in this folder"),
        )
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let place = options.get_one::<String>("output");
    let place = root().join(place.context("it has a default")?);
    let path = with_path(&venv::ZIG.programs()?)?;
    check_musl()?;
    let mut sizes = Vec::new();
    for target in chosen_targets(options) {
        run(Command::new("rustup").args(["target", "add", target.triple]))
            .context("rustup is needed to get Rust's own library for it")?;
        for variant in chosen_variants(options) {
            let label = format!("{} {}", variant.name, target.triple);
            let mut program = PathBuf::new();
            timed(&label, || {
                program = compile(variant, target, &path)?;
                Ok(())
            })?;
            let size = check(&program, variant, target)?;
            let folder = place.join(variant.name).join(target.triple);
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

/// Makes sure that zig's C library is the one that the bill of materials names.
fn check_musl() -> anyhow::Result<()> {
    let code = "import os, ziglang; print(os.path.dirname(ziglang.__file__))";
    let folder = output(Command::new(venv::ZIG.ensure()?).args(["-c", code]))?;
    let file = Path::new(folder.trim()).join("lib/libc/musl/src/internal/version.h");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let expected = venv::ZIG_MUSL;
    ensure!(
        text.contains(&format!("\"{expected}\"")),
        "zig has another musl than {expected}, which ZIG_MUSL in xtask/src/venv.rs names: {text}"
    );
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
