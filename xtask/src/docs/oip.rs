//! The page of the differences from other servers of the Open Inference Protocol, written from the
//! list that a test checks.

use std::fmt::Write as _;

use streeling_testkit::oip::{Differences, Row};

use crate::shell::root;

const TITLE: &str = "# Differences from MLServer and KServe

<!-- Written by `cargo xtask docs` from tests/conformance/oip/differences.toml. Do not edit. -->
";

/// The whole text of `docs/oip-differences.md`, in Markdown, with a line break at its end.
pub(super) fn page() -> anyhow::Result<String> {
    Ok(render(&Differences::load(&root())?))
}

fn render(list: &Differences) -> String {
    let mut page = format!("{TITLE}\n{}\n", list.intro);
    page.push_str("| request | the others | Streeling | why |\n|---|---|---|---|\n");
    for row in &list.rows {
        let Row {
            when,
            others,
            streeling,
            reason,
            ..
        } = row;
        let cells = [when, others, streeling, reason];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_row_for_each_difference() {
        let list = Differences::parse(
            r#"
intro = """
Text.
"""

[[difference]]
when = "no rows"
others = "500"
streeling = "400"
reason = "a | b"
[[difference.case]]
exchanges = ["iris/no rows"]
status = 400
"#,
        )
        .unwrap();
        let expected = "
Text.

| request | the others | Streeling | why |
|---|---|---|---|
| no rows | 500 | 400 | a \\| b |
";
        assert_eq!(render(&list), format!("{TITLE}{expected}"));
    }
}
