//! The table of latencies, the same in every form of the page.

use super::{PERCENTILES, Report, Times};

/// The table's head.
pub(super) fn head() -> Vec<String> {
    let mut head = vec!["Route".to_owned(), "Responses".to_owned()];
    for percent in PERCENTILES {
        let name = match percent {
            100 => "max".to_owned(),
            percent => format!("p{percent}"),
        };
        head.push(format!("{name} old"));
        head.push(format!("{name} new"));
    }
    head
}

/// A row for each route and, if there are several, one for all of them. Times are milliseconds.
pub(super) fn rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = report
        .routes
        .iter()
        .map(|route| row(&route.name, &route.times))
        .collect();
    if rows.len() > 1 {
        rows.push(row("all", &report.all));
    }
    rows
}

fn row(name: &str, times: &Times) -> Vec<String> {
    let mut row = vec![name.to_owned(), times.new.count().to_string()];
    for percent in PERCENTILES {
        row.push(times.old.shown(percent));
        row.push(times.new.shown(percent));
    }
    row
}
