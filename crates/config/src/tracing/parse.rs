//! Forms that several of the sources have.

use crate::error::{ConfigError, Invalid, quoted};

/// The words of [`Propagator::parse`](super::types::Propagator::parse).
pub(super) const PROPAGATIONS: &str = "one of jaeger b3 w3c";

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

pub(super) fn invalid(
    variable: &str,
    seen: &str,
    why: Option<String>,
    allowed: &str,
) -> ConfigError {
    ConfigError::Invalid(Box::new(Invalid {
        names: variable.to_owned(),
        source: format!("the variable {variable}"),
        seen: quoted(seen),
        why,
        allowed: allowed.to_owned(),
    }))
}
