//! The page of the differences from seldon-core, written from the list that the suite checks.

use std::fmt::Write as _;

use streeling_testkit::{Audience, DifferenceList, Differences, Heading, Row};

use crate::shell::root;

const TITLE: &str = "# Differences from seldon-core

<!-- Written by `cargo xtask docs` from tests/conformance/differences.toml. Do not edit. -->
";

/// The whole text of `docs/differences.md`, in Markdown, with a line break at its end.
pub(super) fn page() -> anyhow::Result<String> {
    Ok(render(Differences::load(&root())?.list()))
}

fn render(list: &DifferenceList) -> String {
    let mut page = format!("{TITLE}\n{}\n", list.intro);
    page.push_str("| if you … | what changes | see |\n|---|---|---|\n");
    for Audience { who, what, see } in &list.audiences {
        let links: Vec<_> = see.iter().map(|title| link(title)).collect();
        row(&mut page, &[who, what, &links.join(", ")]);
    }
    for heading in &list.headings {
        section(&mut page, heading);
    }
    page
}

fn section(page: &mut String, heading: &Heading) {
    let _ = write!(page, "\n## {}\n\n{}", heading.title, heading.prose);
    if heading.rows.is_empty() {
        return;
    }
    page.push_str("\n| when | seldon-core | Streeling | why |\n|---|---|---|---|\n");
    for difference in &heading.rows {
        let Row {
            when,
            seldon_core,
            reason,
            ..
        } = difference;
        row(page, &[when, seldon_core, &difference.response(), reason]);
    }
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// A link to a heading of the page, by the anchor that GitHub makes of its title.
fn link(title: &str) -> String {
    let anchor: String = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    format!("[{title}](#{anchor})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_what_changes_for_whom_and_a_table_for_each_heading() {
        let list = Differences::parse(
            r##"
intro = """
Text.
"""

[[audience]]
who = "call it"
what = "a | b"
see = ["Errors (all)", "Logs"]

[[heading]]
title = "Errors (all)"
prose = """
Prose.
"""

[[heading.difference]]
when = "a bad body"
seldon-core = "500"
streeling = "its text"
reason = "a mistake"
[[heading.difference.case]]
exchanges = ["A/plain/*"]
status = 400
[[heading.difference.case]]
calls = ["A/plain/*"]
code = "INVALID_ARGUMENT"

[[heading]]
title = "Logs"
prose = """
- Lines.
"""
"##,
        )
        .unwrap();
        let expected = "
Text.

| if you … | what changes | see |
|---|---|---|
| call it | a \\| b | [Errors (all)](#errors-all), [Logs](#logs) |

## Errors (all)

Prose.

| when | seldon-core | Streeling | why |
|---|---|---|---|
| a bad body | 500 | 400, `INVALID_ARGUMENT` over gRPC: its text | a mistake |

## Logs

- Lines.
";
        assert_eq!(render(list.list()), format!("{TITLE}{expected}"));
    }
}
