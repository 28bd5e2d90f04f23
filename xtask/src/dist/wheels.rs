//! The wheels: `streeling` with a program that is compiled already, `streeling-seldon` as its build
//! backend makes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ArgMatches;

use super::release::{FULL, Target, chosen_targets, program, target_argument, version, wheels};
use super::wheel::Wheel;
use super::{archive, sbom};
use crate::shell::{output, root, say};
use crate::venv;

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("wheels")
        .about("Wheels of the programs that `dist binaries` has made, and streeling-seldon")
        .arg(target_argument())
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let folder = wheels();
    // Nothing of another version may be published with these.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for target in chosen_targets(options) {
        report(&server(target, &folder)?)?;
    }
    report(&command_wheel(&folder)?)
}

/// Says how large a wheel is, and its digest.
fn report(file: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(file)?;
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let megabytes = bytes.len() as f64 / 1e6;
    let digest = archive::sha256(&bytes);
    say(format_args!(
        "{megabytes:6.2} MB  {}\n           sha256:{digest}",
        file.display()
    ));
    Ok(())
}

/// Packs the program of an architecture; gives the wheel.
pub(crate) fn server(target: &Target, folder: &Path) -> anyhow::Result<PathBuf> {
    let version = version()?;
    let program = fs::read(program(&FULL, target)?)?;
    let mut about = described()?;
    let bill = sbom::full()?;
    about.push(("sboms/streeling.cdx.json".to_owned(), bill.into_bytes()));
    let wheel = Wheel {
        name: "streeling",
        version: &version,
        platforms: platforms(target),
        programs: vec![("streeling", program)],
        about,
    };
    let file = folder.join(wheel.file_name());
    fs::write(&file, wheel.pack(archive::entry_date()?)?)?;
    Ok(file)
}

/// What a static program runs on: any glibc and any musl. The second is the name of the first
/// before glibc's version stood in it, for pip up to 20.2.
pub(crate) fn platforms(target: &Target) -> Vec<String> {
    ["manylinux_2_17", "manylinux2014", "musllinux_1_1"]
        .map(|system| format!("{system}_{}", target.arch))
        .to_vec()
}

/// What maturin writes about the package, from the same `pyproject.toml` that a build from source
/// uses: what both give can only be the same. It compiles nothing for that.
fn described() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir()?;
    let printed = output(
        Command::new(venv::WHEELS.programs()?.join("maturin"))
            .args(["pep517", "write-dist-info", "--metadata-directory"])
            .arg(folder.path())
            .current_dir(root().join("python/streeling")),
    )?;
    let name = printed.lines().last().context("maturin names no folder")?;
    let folder = folder.path().join(name.trim());
    let license = "licenses/LICENSE";
    let mut found = Vec::new();
    for path in ["METADATA", license] {
        let file = folder.join(path);
        let bytes = fs::read(&file).with_context(|| format!("maturin wrote no {path}"))?;
        found.push((path.to_owned(), bytes));
    }
    // Entry points, say, would be another file, and must not be left out in silence.
    let mut others: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<_>>()?;
    others.retain(|name| !["METADATA", "WHEEL", "licenses"].contains(&name.as_str()));
    ensure!(
        others.is_empty(),
        "maturin wrote also {}",
        others.join(", ")
    );
    Ok(found)
}

/// Builds `streeling-seldon`, which is Python alone; gives the wheel.
pub(crate) fn command_wheel(folder: &Path) -> anyhow::Result<PathBuf> {
    let printed = output(
        Command::new(venv::WHEELS.ensure()?)
            .args([
                "-m",
                "hatchling",
                "build",
                "--target",
                "wheel",
                "--directory",
            ])
            .arg(folder)
            .env("SOURCE_DATE_EPOCH", archive::entry_date()?.to_string())
            .current_dir(root().join("python/streeling-seldon")),
    )?;
    let name = format!("streeling_seldon-{}-py3-none-any.whl", version()?);
    let file = folder.join(&name);
    ensure!(file.is_file(), "hatchling made no {name}:\n{printed}");
    Ok(file)
}
