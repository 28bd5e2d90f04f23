//! Forms that several of the sources have.

use crate::error::{ConfigError, Invalid, quoted};
use crate::row::Row;

/// `name=value,name=value`, with spaces around or not.
pub(super) fn pairs(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=').and_then(|(name, text)| {
                let name = name.trim();
                (!name.is_empty()).then_some((name.to_owned(), value(text.trim())?))
            });
            pair.ok_or_else(|| format!("{} is no name=value", quoted(part.trim())))
        })
        .collect()
}

/// What is wrong with the value of a setting that has one variable and no flag.
pub(super) fn invalid(row: &Row, seen: &str, why: Option<String>, allowed: &str) -> ConfigError {
    ConfigError::Invalid(Box::new(Invalid {
        names: row.to_string(),
        source: format!("the variable {row}"),
        seen: quoted(seen),
        why,
        allowed: allowed.to_owned(),
    }))
}
