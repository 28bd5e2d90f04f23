//! The fuzz targets.

use crate::fuzz;

/// Runs each of them for so many seconds.
pub(super) fn run(seconds: u64) -> anyhow::Result<String> {
    let targets = fuzz::run_all(seconds)?;
    Ok(format!("{targets} targets, {seconds} s each"))
}
