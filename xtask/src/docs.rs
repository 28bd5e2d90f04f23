//! `cargo xtask docs`: the pages that are generated from the code, and from data beside it.

mod differences;
mod oip;

use std::fs;

use anyhow::{Context as _, bail};
use streeling_config::docs::{PAGES, reference};

use crate::shell::root;

/// Writes the pages, or only checks that they are what they should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let settings = PAGES.map(|(name, language)| (name, reference(language)));
    let differences = ("docs/differences.md", differences::page()?);
    let oip = ("docs/oip-differences.md", oip::page()?);
    for (name, page) in settings.into_iter().chain([differences, oip]) {
        let path = root().join(name);
        if !check {
            fs::write(&path, page).with_context(|| format!("cannot write {name}"))?;
        } else if !fs::read_to_string(&path).is_ok_and(|found| found == page) {
            bail!("{name} is out of date: run `cargo xtask docs`");
        }
    }
    Ok(())
}
