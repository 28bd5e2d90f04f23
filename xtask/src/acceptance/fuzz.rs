//! The fuzz targets.

use crate::fuzz;

/// Runs each of them for so many seconds.
pub(super) fn run(seconds: u64) -> anyhow::Result<String> {
    let (targets, executions) = fuzz::run_all(seconds)?;
    Ok(format!(
        "{executions} executions in {targets} targets, {seconds} s each"
    ))
}
