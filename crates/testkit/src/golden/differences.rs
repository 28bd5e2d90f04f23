//! The allowed differences, read from the tables of `docs/differences.md`.
//!
//! Each second-level heading followed by a table is one difference. A row's first cell says what the
//! row is; see the page itself for the form.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::answer::MESSAGE;
use super::{Answer, GoldenError, Json, Rules, Transport, every_id, glob};

/// The names of gRPC's status codes, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// One allowed difference.
#[derive(Clone, Debug)]
pub struct Difference {
    heading: String,
    transport: Transport,
    patterns: Vec<String>,
    start: Option<bool>,
    status: Option<u16>,
    body: Option<Option<String>>,
    without: Option<String>,
    at: Vec<(String, Value)>,
    headers: BTreeMap<String, Option<String>>,
    answers_as: Option<String>,
    loosely: bool,
}

/// The differences of the page, in its order.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    all: Vec<Difference>,
}

impl Differences {
    /// Reads the page at `path`.
    ///
    /// # Errors
    ///
    /// The page cannot be read, or a table is not of the form that the page describes.
    pub fn load(path: &Path) -> Result<Self, GoldenError> {
        let text = std::fs::read_to_string(path).map_err(|source| GoldenError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&text).map_err(|what| GoldenError::Format {
            path: path.into(),
            what,
        })
    }

    /// Reads the page's text.
    ///
    /// # Errors
    ///
    /// The heading and the row that is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for section in text.split("\n## ").skip(1) {
            let heading = section.lines().next().unwrap_or_default().trim();
            let rows: Vec<_> = section.lines().filter_map(row).collect();
            if !rows.is_empty() {
                let difference = difference(heading, &rows);
                all.push(difference.map_err(|what| format!("\"{heading}\": {what}"))?);
            }
        }
        Ok(Self { all })
    }

    /// Those of one transport.
    #[must_use]
    pub fn over(mut self, transport: Transport) -> Self {
        self.all
            .retain(|difference| difference.transport == transport);
        self
    }

    /// The difference that covers the exchange or group `id`.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Difference> {
        self.all.iter().find(|difference| difference.covers(id))
    }

    /// The differences, in the page's order.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.all.iter()
    }

    pub(super) fn cover(&self, ids: &[(&str, &str)]) -> Result<(), GoldenError> {
        let ids = every_id(ids);
        for difference in &self.all {
            for pattern in &difference.patterns {
                if !ids.iter().any(|id| glob(pattern, id)) {
                    return Err(GoldenError::Idle {
                        difference: difference.heading.clone(),
                        pattern: pattern.clone(),
                    });
                }
            }
        }
        for id in ids {
            let mut covering = self.all.iter().filter(|difference| difference.covers(id));
            if let (Some(first), Some(second)) = (covering.next(), covering.next()) {
                return Err(GoldenError::Covered {
                    id: id.to_owned(),
                    first: first.heading.clone(),
                    second: second.heading.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Difference {
    /// The heading of its section.
    #[must_use]
    pub fn heading(&self) -> &str {
        &self.heading
    }

    fn covers(&self, id: &str) -> bool {
        self.patterns.iter().any(|pattern| glob(pattern, id))
    }

    pub(super) fn fails_to_start(&self) -> bool {
        self.start == Some(false)
    }

    /// The exchange whose recorded answer is given to `id`, if it is another one of its group.
    pub(super) fn model(&self, id: &str) -> Option<String> {
        let name = self.answers_as.as_ref()?;
        let mut parts = id.splitn(3, '/');
        let (component, group) = (parts.next()?, parts.next()?);
        Some(format!("{component}/{group}/{name}"))
    }

    /// What Streeling answers where the incumbent answers `recorded`, or does not even start.
    pub(super) fn expected(&self, recorded: Option<&Answer>) -> Answer {
        let mut expected = recorded.cloned().unwrap_or_default();
        expected.rules = Rules {
            // A recorded `*` means itself.
            globs: matches!(self.body, Some(Some(_))),
            loosely: self.loosely,
        };
        if let Some(status) = self.status {
            expected.status = status;
        }
        if let Some(body) = &self.body {
            expected.body = body.clone();
            expected.base64 = None;
        }
        for (place, value) in &self.at {
            let body = expected.body.as_deref().unwrap_or_default();
            expected.body = Some(changed(body, place, value));
        }
        if let (Some(prefix), Some(text)) = (&self.without, expected.headers.get_mut(MESSAGE)) {
            *text = text.strip_prefix(prefix).unwrap_or(text).to_owned();
        }
        for (name, value) in &self.headers {
            match value {
                Some(value) => expected.headers.insert(name.clone(), value.clone()),
                None => expected.headers.remove(name),
            };
        }
        expected.header_globs = self.headers.keys().cloned().collect();
        expected
    }
}

/// The two cells of a table's row.
fn row(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (name, value) = line.split_once(" | ")?;
    Some((name.trim(), value.trim()))
}

fn difference(heading: &str, rows: &[(&str, &str)]) -> Result<Difference, String> {
    let mut found = Difference {
        heading: heading.to_owned(),
        transport: Transport::Rest,
        patterns: Vec::new(),
        start: None,
        status: None,
        body: None,
        without: None,
        at: Vec::new(),
        headers: BTreeMap::new(),
        answers_as: None,
        loosely: false,
    };
    let (mut incumbent, mut reason) = (false, false);
    for (name, value) in rows {
        match *name {
            "Exchanges" if found.patterns.is_empty() => found.patterns = codes(value),
            "Calls" if found.patterns.is_empty() => {
                found.transport = Transport::Grpc;
                found.patterns = codes(value);
            }
            "Incumbent" => incumbent = !value.is_empty(),
            "Reason" => reason = !value.is_empty(),
            "Start" => found.start = Some(start(value)?),
            "Status" => {
                found.status = Some(
                    value
                        .parse()
                        .map_err(|_| format!("status {value}, want a number"))?,
                );
            }
            "Code" => {
                let code = CODES.iter().position(|name| name == value);
                let code = code.and_then(|code| u16::try_from(code).ok());
                found.status =
                    Some(code.ok_or_else(|| format!("code {value}, want the name of one"))?);
            }
            place if place.starts_with("At /") => {
                let value = code(value).ok_or("\"At\" is not one piece of code")?;
                let value =
                    serde_json::from_str(&value).map_err(|error| format!("{place}: {error}"))?;
                found.at.push((place[3..].to_owned(), value));
            }
            "Without" => {
                let prefix = code(value).ok_or("\"Without\" is not one piece of code")?;
                found.without = Some(prefix);
            }
            "Body" if *value == "absent" => found.body = Some(None),
            "Body" => {
                let body = code(value).ok_or("the body is not one piece of code")?;
                Json::parse(&body).map_err(|error| format!("body: {error}"))?;
                found.body = Some(Some(body));
            }
            "Answers as" => {
                let name = code(value).ok_or("\"Answers as\" is not one piece of code")?;
                found.answers_as = Some(name);
            }
            "Compare" if *value == "loosely" => found.loosely = true,
            "Compare" => return Err(format!("compare \"{value}\", want loosely")),
            _ => match name.strip_prefix("Header ") {
                Some(header) => {
                    let value = if *value == "absent" {
                        None
                    } else {
                        code(value)
                    };
                    found.headers.insert(header.to_owned(), value);
                }
                None => {
                    return Err(format!(
                        "unknown row \"{name}\", want Exchanges or Calls, Incumbent, Start, Status or \
                         Code, Body, At /PLACE, Header NAME, Without, Answers as, Compare or Reason"
                    ));
                }
            },
        }
    }
    let differs = found.start.is_some()
        || found.status.is_some()
        || found.body.is_some()
        || found.without.is_some()
        || !found.at.is_empty()
        || !found.headers.is_empty()
        || found.answers_as.is_some()
        || found.loosely;
    if found.patterns.is_empty() || !incumbent || !reason || !differs {
        return Err(
            "want the rows Exchanges or Calls, Incumbent, Reason and at least one of Start, Status, \
             Code, Body, At /PLACE, Header NAME, Without, Answers as, Compare"
                .to_owned(),
        );
    }
    Ok(found)
}

/// A body with another value at a place (a JSON pointer). A body that is no JSON, or a place without a
/// parent, stays as it is, and then differs.
fn changed(body: &str, place: &str, value: &Value) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(body) else {
        return body.to_owned();
    };
    let (parent, key) = place.rsplit_once('/').unwrap_or_default();
    match json.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.insert(key.to_owned(), value.clone());
        }
        Some(Value::Array(items)) => {
            if let Some(item) = key
                .parse()
                .ok()
                .and_then(|index: usize| items.get_mut(index))
            {
                *item = value.clone();
            }
        }
        _ => {}
    }
    json.to_string()
}

fn start(value: &str) -> Result<bool, String> {
    match value {
        "serves" => Ok(true),
        "fails" => Ok(false),
        _ => Err(format!("start \"{value}\", want serves or fails")),
    }
}

/// The pieces of code of a cell, each between backticks.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(|code| code.replace("\\|", "|"))
        .collect()
}

fn code(cell: &str) -> Option<String> {
    match codes(cell).as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallAnswer, Keep, RawAnswer};

    const PAGE: &str = "# Page\n\nText.\n\n## Unknown route\n\n| | |\n|---|---|\n\
        | Exchanges | `A/*/get*`, `B/plain/x` |\n| Incumbent | 500 |\n| Status | 404 |\n\
        | Body | `{\"info\":\"404*\",\"code\":-1}` |\n| Header allow | absent |\n\
        | Reason | because |\n\n## Prose only\n\nNothing.\n";

    fn recorded() -> Answer {
        let headers = [("allow", "GET"), ("content-type", "application/json")];
        let headers = headers.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let raw = RawAnswer {
            status: 500,
            headers: headers.into(),
            body: b"{}".to_vec(),
        };
        Answer::new(&raw, Keep::All)
    }

    #[test]
    fn a_table_says_what_is_expected_instead() {
        let differences = Differences::parse(PAGE).unwrap();
        assert_eq!(differences.iter().count(), 1);
        assert!(differences.of("A/plain/post").is_none());
        let expected = differences
            .of("A/plain/get x")
            .unwrap()
            .expected(Some(&recorded()));
        let mut got = recorded();
        got.status = 404;
        got.headers.remove("allow");
        got.body = Some(r#"{"code":-1,"info":"404 not found"}"#.to_owned());
        assert_eq!(expected.mismatches(&got), [""; 0]);
        assert_eq!(expected.mismatches(&recorded()).len(), 4);
    }

    #[test]
    fn stars_of_headers_count_in_the_table_alone() {
        let page = PAGE
            .replace("| Header allow | absent |", "| Header allow | `*, POST` |")
            .replace("| Body |", "| Incumbent |");
        let differences = Differences::parse(&page).unwrap();
        let mut incumbent = recorded();
        incumbent.headers.insert("vary".to_owned(), "*".to_owned());
        let expected = differences
            .of("B/plain/x")
            .unwrap()
            .expected(Some(&incumbent));
        let mut got = incumbent.clone();
        got.status = 404;
        got.headers
            .insert("allow".to_owned(), "GET, POST".to_owned());
        assert_eq!(expected.mismatches(&got), [""; 0]);
        got.headers.insert("vary".to_owned(), "origin".to_owned());
        assert_eq!(expected.mismatches(&got).len(), 1);
    }

    #[test]
    fn an_answer_may_be_that_to_another_exchange_or_compared_loosely() {
        let page = "\n## Null\n\n| Exchanges | `A/*/null` |\n| Incumbent | 500 |\n\
            | Answers as | `none` |\n| Compare | loosely |\n| Reason | because |\n";
        let differences = Differences::parse(page).unwrap();
        let difference = differences.of("A/plain/null").unwrap();
        assert_eq!(
            difference.model("A/plain/null").as_deref(),
            Some("A/plain/none")
        );
        let mut got = recorded();
        got.body = Some(r#"{"names":[]}"#.to_owned());
        assert_eq!(
            difference.expected(Some(&recorded())).mismatches(&got),
            [""; 0]
        );
        assert!(Differences::parse(&page.replace("loosely", "a bit")).is_err());
    }

    #[test]
    fn calls_are_another_transport_and_have_codes() {
        let page = "\n## Bad data\n\n| Calls | `A/*/bad` |\n| Incumbent | UNKNOWN |\n\
            | Code | INVALID_ARGUMENT |\n| Without | `Oh: ` |\n| Body | absent |\n\
            | Reason | because |\n";
        let differences = Differences::parse(page).unwrap();
        assert_eq!(differences.clone().over(Transport::Rest).iter().count(), 0);
        let differences = differences.over(Transport::Grpc);
        let call = |status, details: &str, message: Option<&str>| {
            let (details, message) = (details.to_owned(), message.map(str::to_owned));
            let answer = CallAnswer {
                status,
                details,
                message,
            };
            Answer::of_call(answer, Keep::All)
        };
        let incumbent = call(2, "Oh: no", Some("{}"));
        let expected = differences
            .of("A/plain/bad")
            .unwrap()
            .expected(Some(&incumbent));
        assert_eq!(expected.mismatches(&call(3, "no", None)), [""; 0]);
        assert_eq!(expected.mismatches(&incumbent).len(), 3);
        assert!(Differences::parse(&page.replace("INVALID_ARGUMENT", "BAD")).is_err());
    }

    #[test]
    fn one_place_of_a_body_may_differ() {
        let page = "\n## Flag\n\n| Exchanges | `A/*/x` |\n| Incumbent | false |\n\
            | At /a/flag | `true` |\n| At /b | `[1.0]` |\n| Reason | because |\n";
        let differences = Differences::parse(page).unwrap();
        let mut incumbent = recorded();
        incumbent.body = Some(r#"{"a":{"flag":false,"n":1.0}}"#.to_owned());
        let expected = differences.of("A/p/x").unwrap().expected(Some(&incumbent));
        let mut got = recorded();
        got.body = Some(r#"{"a":{"flag":true,"n":1.0},"b":[1.0]}"#.to_owned());
        assert_eq!(expected.mismatches(&got), [""; 0]);
        assert_eq!(expected.mismatches(&incumbent).len(), 2);
    }

    #[test]
    fn idle_patterns_and_overlaps_are_errors() {
        let differences = Differences::parse(PAGE).unwrap();
        let ids = [("A/plain", "A/plain/get"), ("B/plain", "B/plain/x")];
        assert!(differences.cover(&ids).is_ok());
        assert!(matches!(
            differences.cover(&ids[..1]),
            Err(GoldenError::Idle { .. })
        ));
        let doubled = Differences::parse(&PAGE.replace("Prose only\n\nNothing.", &{
            let start = PAGE.find("| |").unwrap();
            format!(
                "Again\n\n{}",
                &PAGE[start..PAGE.find("\n\n## Prose").unwrap()]
            )
        }));
        assert!(matches!(
            doubled.unwrap().cover(&ids),
            Err(GoldenError::Covered { .. })
        ));
    }

    #[test]
    fn half_a_table_is_an_error() {
        for (from, to) in [
            ("| Reason | because |\n", ""),
            ("Status | 404", "Status | four"),
            ("Header allow", "Haeder allow"),
            ("\"info\":", "\"info\""),
            ("`A/*/get*`, `B/plain/x`", ""),
        ] {
            assert!(
                Differences::parse(&PAGE.replace(from, to)).is_err(),
                "{from}"
            );
        }
    }
}
