//! The fuzz targets.

use anyhow::Context as _;

use crate::{fuzz, venv};

/// Runs each of them for so many seconds.
pub(super) fn run(seconds: u64) -> anyhow::Result<String> {
    let python = venv::CARGO_FUZZ.ensure()?;
    let programs = python.parent().context("an interpreter lies in a folder")?;
    let targets = fuzz::run_all(seconds, programs)?;
    Ok(format!("{targets} targets, {seconds} s each"))
}
