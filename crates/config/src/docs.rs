//! The reference pages, written from the rows of all settings.

use std::fmt::Write as _;

use crate::annotations::PODINFO_ANNOTATIONS;
use crate::language::{Language, Text};
use crate::row::{DefaultValue, Group, Row};
use crate::settings::component::VIRTUAL_ENV;
use crate::settings::rows;
use crate::tracing;

mod prose;

/// The generated pages: where each lies, from the repository's root, and its language.
pub const PAGES: [(&str, Language); 2] = [
    ("docs/settings.md", Language::English),
    ("docs/settings.zh.md", Language::Chinese),
];

/// The whole text of a page, in Markdown, with a line break at its end.
pub fn reference(language: Language) -> String {
    let mut page = prose::HEAD.get(language).to_owned();
    for group in Group::ALL {
        let heading = group.heading().get(language);
        let _ = write!(page, "\n## {heading}\n\n{}", head(SETTING, language));
        for row in rows().filter(|row| row.group == group) {
            page.push_str(&line(cells(row, language)));
        }
        if group == Group::Tracing {
            otel(&mut page, language);
        }
    }
    others(&mut page, language);
    page
}

/// Every variable that is a setting: those of the rows, then OpenTelemetry's own.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let rows = rows().flat_map(|row| row.variables);
    let standard = tracing::variables().flat_map(|variable| variable.names);
    rows.chain(standard).copied()
}

/// The columns of a table of settings.
const SETTING: [Text; 6] = [
    prose::FLAG,
    prose::VARIABLE,
    prose::DEFAULT,
    prose::MEANING,
    prose::ALLOWED,
    prose::WHEN_BAD,
];

/// The first two lines of a table.
fn head<const N: usize>(columns: [Text; N], language: Language) -> String {
    let names = columns.map(|column| column.get(language).to_owned());
    format!("{}|{}\n", line(names), "---|".repeat(N))
}

fn line<const N: usize>(cells: [String; N]) -> String {
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

fn cells(row: &Row, language: Language) -> [String; 6] {
    let none = || prose::NONE.get(language).to_owned();
    let flag = row.flag_name().map_or_else(none, |flag| code(&flag));
    let variables = match row.variables {
        [] => none(),
        variables => names(variables, language),
    };
    let default = match row.default {
        DefaultValue::Typed(text) => code(text),
        DefaultValue::None | DefaultValue::Derived(..) => row.default_text(language).to_owned(),
    };
    let mut meaning = row.meaning.get(language).to_owned();
    if row.detail != Text::NONE {
        meaning.push_str(prose::FULL_STOP.get(language));
        meaning.push_str(row.detail.get(language));
    }
    [
        flag,
        variables,
        default,
        meaning,
        row.value.allowed(language),
        row.value.when_bad().get(language).to_owned(),
    ]
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Names of variables, in the order of their precedence.
fn names(names: &[&str], language: Language) -> String {
    let names: Vec<String> = names.iter().map(|name| code(name)).collect();
    names.join(prose::ELSE.get(language))
}

fn otel(page: &mut String, language: Language) {
    let columns = [
        prose::VARIABLE,
        prose::DEFAULT,
        prose::MEANING,
        prose::ALLOWED,
    ];
    let head = head(columns, language);
    let _ = write!(page, "\n{}\n{head}", prose::OTEL.get(language));
    for variable in tracing::variables() {
        page.push_str(&line([
            names(variable.names, language),
            variable.default.get(language).to_owned(),
            variable.meaning.get(language).to_owned(),
            variable.allowed.get(language).to_owned(),
        ]));
    }
}

fn others(page: &mut String, language: Language) {
    let variables = head([prose::VARIABLE, prose::MEANING], language);
    let annotations = head([prose::ANNOTATION, prose::MEANING], language);
    let _ = write!(
        page,
        "\n## {}\n\n{variables}",
        prose::OTHER_VARIABLES.get(language)
    );
    for (name, meaning) in [
        (VIRTUAL_ENV, prose::ACTIVE_ENVIRONMENT),
        ("MLSERVER_*", prose::ANOTHER_SERVER),
    ] {
        page.push_str(&line([code(name), meaning.get(language).to_owned()]));
    }
    let about = prose::ABOUT_ANNOTATIONS.get(language);
    let about = about.replace("{path}", PODINFO_ANNOTATIONS);
    let _ = write!(
        page,
        "\n## {}\n\n{about}\n{annotations}",
        prose::ANNOTATIONS.get(language)
    );
    for (name, meaning) in prose::EVERY_ANNOTATION {
        page.push_str(&line([code(name), meaning.get(language).to_owned()]));
    }
}
