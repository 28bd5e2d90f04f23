//! The page in HTML, complete in itself.

use std::fmt::Write as _;

use super::{EXAMPLES, Report, plot, table};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#222}table{border-collapse:collapse}td,th{border:1px solid #ccc;\
padding:.2rem .6rem;text-align:left}.numbers td:not(:first-child){text-align:right}\
code{background:#f3f3f3;overflow-wrap:anywhere}.same{color:#18702f}.differs{color:#b00020}\
.sign{margin-top:3rem}@media print{body{margin:0}}";

impl Report {
    /// The page in HTML.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>Comparison of two servers</title>\n<style>{STYLE}</style>\n\
             <h1>Comparison of two servers</h1>\n<table>\n"
        );
        let mut add = |text: String| {
            page.push_str(&text);
            page.push('\n');
        };
        for (name, value) in self.facts() {
            add(format!("<tr><th>{name}<td>{}", escape(&value)));
        }
        let class = if self.differences.is_empty() {
            "same"
        } else {
            "differs"
        };
        add(format!(
            "</table>\n<h2 class=\"{class}\">{}</h2>",
            escape(&self.verdict())
        ));
        add("<ul>".to_owned());
        for (title, found) in self.kinds() {
            let title = escape(&title);
            add(format!("<li>{} × <code>{title}</code><ul>", found.len()));
            for difference in found.iter().take(EXAMPLES) {
                let mut item = format!("<li>{}", escape(&difference.request));
                for line in &difference.lines {
                    let _ = write!(item, "<br><code>{}</code>", escape(line));
                }
                add(item);
            }
            add("</ul>".to_owned());
        }
        add("</ul>\n<h2>Latency</h2>\n<p>Milliseconds until the last byte.".to_owned());
        add(plot::svg(&self.all));
        add("<table class=\"numbers\">".to_owned());
        let cells = |tag: &str, row: &[String]| -> String {
            row.iter()
                .map(|cell| format!("<{tag}>{}", escape(cell)))
                .collect()
        };
        add(format!("<tr>{}", cells("th", &table::head())));
        for row in table::rows(self) {
            add(format!("<tr>{}", cells("td", &row)));
        }
        add("</table>".to_owned());
        add("<p class=\"sign\">Checked by: ____________________ Date: __________".to_owned());
        page
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
