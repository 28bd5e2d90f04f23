//! The allowed differences, read from `tests/conformance/differences.toml`.
//!
//! The file lists what readers of `docs/differences.md` see ([`DifferenceList`]) and, below each
//! row of it, the cases that the suite checks ([`Difference`]).

mod case;
mod difference;
mod list;

use std::collections::BTreeSet;
use std::path::Path;

use streeling_compare::glob;

use super::error::GoldenError;
use super::recording::Golden;
use super::transport::Transport;

pub use difference::Difference;
pub use list::{Audience, DifferenceList, Heading, Row};

/// Where the file is, below the repository's root.
const FILE: &str = "tests/conformance/differences.toml";

/// The differences, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    list: DifferenceList,
    all: Vec<Difference>,
}

impl Differences {
    /// Reads the file of the repository at `root`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or does not have the form that `tests/conformance/README.md`
    /// describes.
    pub fn load(root: &Path) -> Result<Self, GoldenError> {
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| GoldenError::Read {
            path: path.clone(),
            source,
        })?;
        Self::parse(&text).map_err(|what| GoldenError::Format { path, what })
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// The place or the difference that is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let list = DifferenceList::parse(text)?;
        let mut all = Vec::new();
        for heading in &list.headings {
            for row in &heading.rows {
                let name = format!("{}: {}", heading.title, row.when);
                for case in &row.cases {
                    let difference = case.difference(&name);
                    all.push(difference.map_err(|what| format!("difference \"{name}\": {what}"))?);
                }
            }
        }
        Ok(Self { list, all })
    }

    /// What readers see of them.
    #[must_use]
    pub fn list(&self) -> &DifferenceList {
        &self.list
    }

    /// The kinds of differences that the parity run may find: patterns for `CLASS NAME: LINE`.
    pub fn random(&self) -> impl Iterator<Item = &str> {
        let rows = self.list.headings.iter().flat_map(|heading| &heading.rows);
        rows.flat_map(|row| &row.random).map(String::as_str)
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

    /// The differences, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.all.iter()
    }

    pub(super) fn cover(&self, ids: &[(&str, &str)]) -> Result<(), GoldenError> {
        let ids = every_id(ids);
        for difference in &self.all {
            for pattern in &difference.patterns {
                if !ids.iter().any(|id| glob(pattern, id)) {
                    return Err(GoldenError::Idle {
                        difference: difference.name.clone(),
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
                    first: first.name.clone(),
                    second: second.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// A difference of the start must occur for each group that it covers.
    pub(super) fn starts_differ(
        &self,
        groups: &[&str],
        golden: &Golden,
    ) -> Result<(), GoldenError> {
        for difference in &self.all {
            let Some(serves) = difference.start else {
                continue;
            };
            let mut covered = groups.iter().filter(|id| difference.covers(id)).peekable();
            let is_idle = covered.peek().is_none();
            if is_idle || covered.any(|id| golden.fails_to_start(id) != serves) {
                return Err(GoldenError::SameStart {
                    difference: difference.name.clone(),
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
