//! seldon-core itself, today.

use crate::conformance;

/// Compares its responses with the golden files.
pub(super) fn run() -> anyhow::Result<String> {
    conformance::run(&["record".to_owned(), "--check".to_owned()])?;
    Ok("the golden files are what seldon-core says".to_owned())
}
