//! The form of `tests/conformance/differences.toml`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::transport::Transport;
use super::case::Case;

/// The whole file: what the page `docs/differences.md` is made of, and what the suite checks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DifferenceList {
    /// What the page opens with, in Markdown.
    pub intro: String,
    /// Whom the differences concern, in the page's order.
    #[serde(rename = "audience")]
    pub audiences: Vec<Audience>,
    /// The page's headings, in its order.
    #[serde(rename = "heading")]
    pub headings: Vec<Heading>,
}

/// Readers that have something in common, and what changes for them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Audience {
    /// How they recognise themselves.
    pub who: String,
    /// What changes for them.
    pub what: String,
    /// Titles of the headings that have the details.
    pub see: Vec<String>,
}

/// A subject that readers think in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Heading {
    /// The title; unique.
    pub title: String,
    /// What stands before the table, in Markdown. Of differences that responses do not show there
    /// is nothing else.
    pub prose: String,
    /// The rows of the table.
    #[serde(default, rename = "difference")]
    pub rows: Vec<Row>,
}

/// One row of a heading's table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// What was sent or returned; unique below its heading.
    pub when: String,
    /// How seldon-core responds.
    pub seldon_core: String,
    /// How Streeling responds, beside the start, status or code that the cases have.
    pub streeling: Option<String>,
    /// Why.
    pub reason: String,
    /// What the suite checks; none where only the parity run shows it.
    #[serde(rename = "case", default)]
    pub(super) cases: Vec<Case>,
    /// What of the parity run differs in this way.
    #[serde(default)]
    pub(super) random: Vec<String>,
}

impl DifferenceList {
    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// The place that is wrong, and what is allowed there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let list: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let titles = list.headings.iter().map(|heading| &heading.title);
        if let Some(title) = twice(titles) {
            return Err(format!("heading \"{title}\" occurs twice, must be unique"));
        }
        list.check_links()?;
        for heading in &list.headings {
            heading.check()?;
        }
        Ok(list)
    }

    /// Every link leads to a heading, and there is one to each: the page's first screen says whom
    /// it concerns.
    fn check_links(&self) -> Result<(), String> {
        let titles: BTreeSet<_> = self.headings.iter().map(|one| &one.title).collect();
        let linked: BTreeSet<_> = self.audiences.iter().flat_map(|one| &one.see).collect();
        if let Some(unknown) = linked.difference(&titles).next() {
            return Err(format!(
                "see \"{unknown}\", must be the title of a heading, one of {titles:?}"
            ));
        }
        match titles.difference(&linked).next() {
            Some(title) => Err(format!(
                "heading \"{title}\": must be in the `see` of an audience"
            )),
            None => Ok(()),
        }
    }
}

impl Heading {
    fn check(&self) -> Result<(), String> {
        let title = &self.title;
        if let Some(when) = twice(self.rows.iter().map(|row| &row.when)) {
            return Err(format!(
                "difference \"{title}: {when}\" occurs twice, must be unique"
            ));
        }
        for row in &self.rows {
            row.check()
                .map_err(|what| format!("difference \"{title}: {}\": {what}", row.when))?;
        }
        Ok(())
    }
}

impl Row {
    /// How Streeling responds, in Markdown: the start, statuses and codes that the suite checks, if
    /// each case of a transport has one, and the text beside them.
    #[must_use]
    pub fn response(&self) -> String {
        let rest = self.outcomes(Transport::Rest);
        let mut grpc = self.outcomes(Transport::Grpc);
        let is_both = self.cases.iter().any(|case| case.is_over(Transport::Rest));
        if is_both && !grpc.is_empty() {
            grpc.push_str(" over gRPC");
        }
        let outcomes = [rest, grpc]
            .into_iter()
            .filter(|outcome| !outcome.is_empty());
        let outcome = outcomes.collect::<Vec<_>>().join(", ");
        match &self.streeling {
            None => outcome,
            Some(text) if outcome.is_empty() => text.clone(),
            Some(text) => format!("{outcome}: {text}"),
        }
    }

    /// The different outcomes of the cases over `transport`; none if one of them has none.
    fn outcomes(&self, transport: Transport) -> String {
        let cases = self.cases.iter().filter(|case| case.is_over(transport));
        let outcomes: Option<BTreeSet<_>> = cases.map(Case::outcome).collect();
        let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
        outcomes.join(" or ")
    }

    fn check(&self) -> Result<(), String> {
        let cells = [
            ("when", Some(&self.when)),
            ("seldon-core", Some(&self.seldon_core)),
            ("streeling", self.streeling.as_ref()),
            ("reason", Some(&self.reason)),
        ];
        for (name, cell) in cells {
            if cell.is_some_and(|cell| cell.trim().is_empty() || cell.contains('\n')) {
                return Err(format!("{name} must be one line that is not empty"));
            }
        }
        if self.cases.is_empty() && self.random.is_empty() {
            return Err("must have at least one case, or `random`".to_owned());
        }
        if self.streeling.is_none() && self.cases.iter().any(|case| case.outcome().is_none()) {
            return Err(
                "must have `streeling`, or a start, status or code in each case".to_owned(),
            );
        }
        Ok(())
    }
}

/// The first that occurs a second time.
fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(*name))
}
