//! `cargo xtask style`: the house rules that clippy and rustfmt do not check.

mod lengths;
mod links;
mod markdown;
mod modules;
mod python;
mod rust;
mod source;
mod translations;
mod width;
mod words;

use anyhow::bail;

use crate::shell::say;
use source::{Source, sources};

/// Finds what is wrong in some files.
type Check = fn(&[Source]) -> Vec<String>;

const CHECKS: [(&str, Check); 6] = [
    ("width of lines", width::check),
    ("words", words::check),
    ("length of files", lengths::check),
    ("import circles", modules::check),
    ("links", links::check),
    ("translations", translations::check),
];

/// Runs every check and shows all that they find.
pub(crate) fn run() -> anyhow::Result<()> {
    let sources = sources()?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        let faults = check(&sources);
        if !faults.is_empty() {
            failed.push(format!("{name}: {}", faults.len()));
        }
        for fault in faults {
            say(fault);
        }
    }
    if !failed.is_empty() {
        bail!("{} (see `cargo xtask style`)", failed.join(", "));
    }
    Ok(())
}
