//! Findings by their kind.

use streeling_compare::{by_kind, kind};
use streeling_testkit::Finding;

use crate::shell::say;

/// Examples that are shown of a kind.
const EXAMPLES: usize = 3;

/// Prints each kind of difference with how often it was found and a few examples, the frequent ones
/// first.
pub(super) fn print(findings: &[Finding]) {
    for (title, found) in by_kind(findings, title) {
        say(format_args!("{} × {title}", found.len()));
        for finding in found.iter().take(EXAMPLES) {
            say(format_args!("    {}", finding.id));
            for line in &finding.lines {
                say(format_args!("        {line}"));
            }
        }
    }
}

/// The route and the first line, without what is peculiar to one exchange: numbers, and the class.
fn title(finding: &Finding) -> String {
    let mut words = finding.id.split(' ');
    let class = words.next().unwrap_or_default();
    let route = words.nth(1).unwrap_or_default();
    let line = finding.lines.first().map(String::as_str);
    let line = line.unwrap_or_default().replace(class, "CLASS");
    format!("{route} {}", kind(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_classes_do_not_make_a_kind() {
        let finding = Finding {
            id: "Shape001 017 /predict json x".to_owned(),
            lines: vec!["$[12]: Shape001.predict() 5".to_owned()],
        };
        assert_eq!(title(&finding), "/predict $[#]: CLASS.predict() #");
    }
}
