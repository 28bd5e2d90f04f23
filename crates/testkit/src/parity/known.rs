//! The kinds of differences that `tests/conformance/differences.toml` allows in the parity run.

use std::collections::BTreeSet;

use streeling_compare::glob;

use super::finding::Finding;
use crate::golden::Differences;

/// Starts a pattern that need not match anything: what it allows does not occur in every run.
const PERHAPS: &str = "? ";

/// The allowed kinds.
#[derive(Clone, Debug)]
pub struct KnownKinds {
    patterns: Vec<String>,
}

impl KnownKinds {
    /// Those that the list of differences names.
    #[must_use]
    pub fn of(differences: &Differences) -> Self {
        Self {
            patterns: differences.random().map(str::to_owned).collect(),
        }
    }

    /// Takes away the lines of findings that are allowed, and the findings of which nothing is
    /// left. Gives the patterns that have matched none: a listed difference must occur, unless its
    /// pattern starts with `? `.
    #[must_use]
    pub fn take_out(&self, findings: &mut Vec<Finding>) -> BTreeSet<String> {
        let must_occur = self.patterns.iter().filter(|one| !one.starts_with(PERHAPS));
        let mut idle: BTreeSet<_> = must_occur.cloned().collect();
        let matches = |pattern: &str, text: &str| {
            glob(pattern.strip_prefix(PERHAPS).unwrap_or(pattern), text)
        };
        for finding in findings.iter_mut() {
            let id = &finding.id;
            finding.lines.retain(|line| {
                let text = format!("{id}: {line}");
                let known = self.patterns.iter().find(|pattern| matches(pattern, &text));
                if let Some(pattern) = known {
                    idle.remove(pattern);
                }
                known.is_none()
            });
        }
        findings.retain(|finding| !finding.lines.is_empty());
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_lines_go_and_patterns_that_match_none_are_idle() {
        let finding = |id: &str, lines: &[&str]| Finding {
            id: id.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let known = KnownKinds {
            patterns: ["* base64*: status: *", "never", "? seldom", "? * $.b: *"]
                .map(str::to_owned)
                .to_vec(),
        };
        let mut findings = vec![
            finding("A 1 base64", &["status: 200 and 400: no"]),
            finding("A 2 base64", &["status: 200 and 400: no", "$.a: missing"]),
            finding("A 3 names", &["status: 200 and 400: no", "$.b: missing"]),
        ];
        let idle = known.take_out(&mut findings);
        assert_eq!(idle, BTreeSet::from(["never".to_owned()]));
        let left = [
            finding("A 2 base64", &["$.a: missing"]),
            finding("A 3 names", &["status: 200 and 400: no"]),
        ];
        assert_eq!(findings, left);
    }
}
