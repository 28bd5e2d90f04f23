//! The page in Markdown.

use std::fmt::Write as _;

use super::{EXAMPLES, Report, table};

impl Report {
    /// The page in Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut page = String::from("# Comparison of two servers\n\n| | |\n|---|---|\n");
        let mut line = |text: String| {
            page.push_str(&text);
            page.push('\n');
        };
        for (name, value) in self.facts() {
            line(format!("| {name} | {} |", cell(&value)));
        }
        line(format!("\n**{}**", self.verdict()));
        if !self.differences.is_empty() {
            line("\n## Differences".to_owned());
        }
        for (title, found) in self.kinds() {
            line(format!("\n- {} × `{}`", found.len(), code(&title)));
            for difference in found.iter().take(EXAMPLES) {
                line(format!("  - `{}`", code(&difference.request)));
                for text in &difference.lines {
                    line(format!("    - `{}`", code(text)));
                }
            }
        }
        line("\n## Latency\n\nMilliseconds until the last byte.\n".to_owned());
        let head = table::head();
        line(format!("| {} |", head.join(" | ")));
        line(format!("|{}", "---|".repeat(head.len())));
        for row in table::rows(self) {
            let row: Vec<_> = row.iter().map(|text| cell(text)).collect();
            line(format!("| {} |", row.join(" | ")));
        }
        let _ = write!(
            page,
            "\n## Signature\n\nChecked by: ____________________  Date: __________\n"
        );
        page
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn code(text: &str) -> String {
    text.replace('`', "'").replace('\n', " ")
}
