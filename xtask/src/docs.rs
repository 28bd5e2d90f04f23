//! `cargo xtask docs`: the pages that are generated from the code, and from data beside it.

mod differences;

use std::fs;

use anyhow::bail;

use crate::shell::root;

/// Writes the pages, or only checks that they are what they should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let pages = [
        ("docs/settings.md", streeling_config::docs::reference()),
        ("docs/differences.md", differences::page()?),
    ];
    for (path, page) in pages {
        let path = root().join(path);
        if !check {
            fs::write(path, page)?;
        } else if fs::read_to_string(&path).ok() != Some(page) {
            bail!("{} is out of date: run `cargo xtask docs`", path.display());
        }
    }
    Ok(())
}
