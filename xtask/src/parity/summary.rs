//! Findings by their kind.

use std::collections::BTreeMap;

use streeling_testkit::Finding;

use crate::shell::say;

/// Examples that are shown of a kind.
const EXAMPLES: usize = 3;

/// Prints each kind of difference with how often it was found and a few examples, the frequent ones
/// first.
pub(super) fn print(findings: &[Finding]) {
    let mut kinds: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let line = finding.lines.first().map(String::as_str);
        kinds
            .entry(kind(&finding.id, line.unwrap_or_default()))
            .or_default()
            .push(finding);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, found)| std::cmp::Reverse(found.len()));
    for (kind, found) in kinds {
        say(format_args!("{} × {kind}", found.len()));
        for finding in found.iter().take(EXAMPLES) {
            say(format_args!("    {}", finding.id));
            for line in &finding.lines {
                say(format_args!("        {line}"));
            }
        }
    }
}

/// The route and the first line, without what is peculiar to one exchange: digits, and the class.
fn kind(id: &str, line: &str) -> String {
    let class = id.split(' ').next().unwrap_or_default();
    let route = id.split(' ').nth(2).unwrap_or_default();
    let line = line.replace(class, "CLASS");
    let mut plain = String::new();
    for c in line.chars().take(160) {
        match c {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            c => plain.push(c),
        }
    }
    format!("{route} {plain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_classes_do_not_make_a_kind() {
        let one = kind(
            "Shape001 017 /predict json x",
            "$[12]: Shape001.predict() 5",
        );
        assert_eq!(one, "/predict $[N]: CLASS.predict() N");
    }
}
