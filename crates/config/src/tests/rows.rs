//! What holds for every row, so that a new one is tested by being there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use super::*;
use crate::draft::Draft;
use crate::kind::Parsed;
use crate::language::Text;
use crate::row::Status;
use crate::tracing::variables;

#[test]
fn no_flag_or_variable_comes_twice_and_every_setting_has_one() {
    let mut seen = BTreeSet::new();
    let otel = variables().map(|variable| (None, variable.names));
    for (flag, variables) in rows()
        .map(|row| (row.flag_name(), row.variables))
        .chain(otel)
    {
        let names: Vec<String> = flag
            .into_iter()
            .chain(variables.iter().map(|name| (*name).to_owned()))
            .collect();
        assert!(!names.is_empty());
        for name in names {
            assert!(seen.insert(name.clone()), "{name}");
        }
    }
}

#[test]
fn a_row_is_displayed_as_its_flag_and_variables() {
    let names: Vec<String> = rows().map(ToString::to_string).collect();
    for expected in [
        "--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT, MLSERVER_HTTP_PORT)",
        "--log-level (SELDON_LOG_LEVEL, LOG_LEVEL_ENV)",
        "--service-type",
        "PREDICTIVE_UNIT_ID",
        "interface_name",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected}");
    }
}

/// What a draft is once a row has written a value to it.
fn written(row: &Row, text: &str) -> String {
    let mut draft = Draft::default();
    match row.value.write(OsStr::new(text), &mut draft) {
        Parsed::Value(()) => format!("{draft:#?}"),
        Parsed::Replaced(..) | Parsed::Bad(_) => panic!("{row} does not take {text:?}"),
    }
}

/// The places of a draft with what is there: the names around each line of its debug form.
fn places(draft: &str) -> BTreeSet<(Vec<&str>, &str)> {
    let mut path: Vec<&str> = Vec::new();
    let mut found = BTreeSet::new();
    for line in draft.lines() {
        let depth = (line.len() - line.trim_start().len()) / 4;
        path.truncate(depth);
        let (name, value) = line.trim().split_once(": ").unwrap_or((line.trim(), ""));
        found.insert((path.clone(), line.trim()));
        path.push(if value.is_empty() { "" } else { name });
    }
    found
}

/// The places that differ between two drafts.
fn differing(first: &str, second: &str) -> BTreeSet<Vec<String>> {
    let (first, second) = (places(first), places(second));
    first
        .symmetric_difference(&second)
        .map(|(path, line)| {
            let name = line.split(": ").next().unwrap_or_default();
            let names = path.iter().chain([&name]).map(|name| (*name).to_owned());
            names.collect()
        })
        .collect()
}

#[test]
fn the_value_of_every_active_row_goes_to_a_place_of_its_own() {
    let mut taken = BTreeMap::new();
    for row in rows() {
        let accepted = row.value.examples().accepted;
        let [first, second] = accepted.map(|text| written(row, &text));
        assert_eq!(first != second, row.status == Status::Active, "{row}");
        let place = differing(&first, &second);
        if let Some(before) = taken.insert(place.clone(), row.to_string())
            && row.status == Status::Active
        {
            panic!("{row} and {before} write to {place:?}");
        }
    }
}

#[test]
fn every_default_is_allowed_and_gives_no_warning() {
    for row in rows() {
        if let crate::row::DefaultValue::Typed(text) = row.default {
            written(row, text);
        }
    }
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn every_row_is_documented_in_both_languages() {
    let check = |name: &str, text: Text| {
        assert!(
            !text.en.is_empty() && !is_chinese(text.en),
            "{name}: {}",
            text.en
        );
        assert!(is_chinese(text.zh), "{name}: {}", text.zh);
    };
    for row in rows() {
        let name = row.to_string();
        check(&name, row.meaning);
        check(&name, row.value.when_bad());
        assert!(is_chinese(&row.value.allowed(Language::Chinese)), "{name}");
        if row.detail != Text::NONE {
            check(&name, row.detail);
        }
        if let crate::row::DefaultValue::Derived(text, _) = row.default {
            check(&name, text);
        }
    }
    for variable in variables() {
        let name = variable.names.join(", ");
        check(&name, variable.meaning);
        assert!(is_chinese(variable.allowed.zh) || variable.allowed.en == variable.allowed.zh);
        assert!(!variable.default.en.is_empty() && !variable.default.zh.is_empty());
    }
}

/// Everything in the first two columns of the tables that is a name.
fn names_on(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    lines
        .flat_map(|line| line.split(" | ").take(2))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn both_pages_list_the_same_names_in_the_same_order() {
    let [english, chinese] = docs::PAGES.map(|(_, language)| docs::reference(language));
    let names = names_on(&english);
    assert!(names.len() > rows().count() + variables().count());
    assert_eq!(names, names_on(&chinese));
    let headings = |page: &str| page.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings(&english), headings(&chinese));
    assert!(
        chinese
            .lines()
            .all(|line| line.chars().count() <= 100 || line.starts_with('|'))
    );
}
