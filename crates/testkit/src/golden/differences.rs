//! The allowed differences, read from the tables of `docs/differences.md`.
//!
//! Each second-level heading followed by a table is one difference. A row's first cell says what
//! the row is; see the page itself for the form.

mod difference;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use super::error::GoldenError;
use super::glob::glob;
use super::transport::Transport;
use table::{difference, row};

pub use difference::Difference;

/// The differences of the page, in its order.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    all: Vec<Difference>,
}

impl Differences {
    /// Reads the page at `path`.
    ///
    /// # Errors
    ///
    /// The page cannot be read, or a table is not of the form that the page describes.
    pub fn load(path: &Path) -> Result<Self, GoldenError> {
        let text = std::fs::read_to_string(path).map_err(|source| GoldenError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&text).map_err(|what| GoldenError::Format {
            path: path.into(),
            what,
        })
    }

    /// Reads the page's text.
    ///
    /// # Errors
    ///
    /// The heading and the row that is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for section in text.split("\n## ").skip(1) {
            let heading = section.lines().next().unwrap_or_default().trim();
            let rows: Vec<_> = section.lines().filter_map(row).collect();
            if !rows.is_empty() {
                let difference = difference(heading, &rows);
                all.push(difference.map_err(|what| format!("\"{heading}\": {what}"))?);
            }
        }
        Ok(Self { all })
    }

    /// Those of one transport.
    #[must_use]
    pub fn over(mut self, transport: Transport) -> Self {
        self.all
            .retain(|difference| difference.transport == transport);
        self
    }

    /// The difference that covers the exchange or group `id`.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Difference> {
        self.all.iter().find(|difference| difference.covers(id))
    }

    /// The differences, in the page's order.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.all.iter()
    }

    pub(super) fn cover(&self, ids: &[(&str, &str)]) -> Result<(), GoldenError> {
        let ids = every_id(ids);
        for difference in &self.all {
            for pattern in &difference.patterns {
                if !ids.iter().any(|id| glob(pattern, id)) {
                    return Err(GoldenError::Idle {
                        difference: difference.heading.clone(),
                        pattern: pattern.clone(),
                    });
                }
            }
        }
        for id in ids {
            let mut covering = self.all.iter().filter(|difference| difference.covers(id));
            if let (Some(first), Some(second)) = (covering.next(), covering.next()) {
                return Err(GoldenError::Covered {
                    id: id.to_owned(),
                    first: first.heading.clone(),
                    second: second.heading.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The distinct group ids and exchange ids of the pairs that `Group::ids` gives.
fn every_id<'a>(ids: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    ids.iter()
        .flat_map(|(group, exchange)| [*group, *exchange])
        .collect()
}

#[cfg(test)]
mod tests;
