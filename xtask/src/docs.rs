//! `cargo xtask docs`: the pages that are generated from the code.

use std::fs;

use anyhow::bail;

use crate::shell::root;

/// Writes `docs/settings.md`, or only checks that it is what it should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let path = root().join("docs/settings.md");
    let page = streeling_config::docs::reference();
    if check {
        if fs::read_to_string(&path).is_ok_and(|found| found == page) {
            return Ok(());
        }
        bail!("{} is out of date: run `cargo xtask docs`", path.display());
    }
    fs::write(path, page)?;
    Ok(())
}
