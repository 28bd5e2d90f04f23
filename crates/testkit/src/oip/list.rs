//! The form of `tests/conformance/oip/differences.toml`.

use std::path::Path;

use serde::Deserialize;

use super::FOLDER;
use super::case::Case;
use super::error::OipError;
use super::group::read;

/// The whole file: what `docs/oip-differences.md` is made of, and what the test checks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// What the page opens with, in Markdown.
    pub intro: String,
    /// The rows of its table.
    #[serde(rename = "difference", default)]
    pub rows: Vec<Row>,
}

/// One row: a way in which responses differ from recorded ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was sent; unique.
    pub when: String,
    /// How the recorded servers respond.
    pub others: String,
    /// How Streeling responds.
    pub streeling: String,
    /// Why.
    pub reason: String,
    /// What the test checks.
    #[serde(rename = "case")]
    pub(super) cases: Vec<Case>,
}

impl Differences {
    /// Reads the file of the repository at `root`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or does not have the form that the README beside it describes.
    pub fn load(root: &Path) -> Result<Self, OipError> {
        let path = root.join(FOLDER).join("differences.toml");
        Self::parse(&read(&path)?).map_err(|what| OipError::Form { path, what })
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// The place or the row that is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let list: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (index, row) in list.rows.iter().enumerate() {
            row.check()
                .map_err(|what| format!("difference \"{}\": {what}", row.when))?;
            let mut others = list.rows.iter().skip(index + 1);
            if others.any(|other| other.when == row.when) {
                return Err(format!("difference \"{}\" occurs twice", row.when));
            }
        }
        Ok(list)
    }

    /// Every case with the row that it belongs to, in the file's order.
    pub(super) fn cases(&self) -> impl Iterator<Item = (&Row, &Case)> {
        let rows = self.rows.iter();
        rows.flat_map(|row| row.cases.iter().map(move |case| (row, case)))
    }
}

impl Row {
    fn check(&self) -> Result<(), String> {
        let cells = [
            ("when", &self.when),
            ("others", &self.others),
            ("streeling", &self.streeling),
            ("reason", &self.reason),
        ];
        for (name, cell) in cells {
            if cell.trim().is_empty() || cell.contains('\n') {
                return Err(format!("{name} must be one line that is not empty"));
            }
        }
        if self.cases.is_empty() {
            return Err("must have at least one case".to_owned());
        }
        self.cases.iter().try_for_each(Case::check)
    }
}
