//! A difference as its table on the page says it.

use std::collections::BTreeMap;

use super::super::json::Json;
use super::super::transport::Transport;
use super::difference::Difference;

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

/// The two cells of a table's row.
pub(super) fn row(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (name, value) = line.split_once(" | ")?;
    Some((name.trim(), value.trim()))
}

pub(super) fn difference(heading: &str, rows: &[(&str, &str)]) -> Result<Difference, String> {
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
        same_as: None,
        loosely: false,
    };
    let (mut reference, mut reason) = (false, false);
    for (name, value) in rows {
        match *name {
            "Exchanges" if found.patterns.is_empty() => found.patterns = codes(value),
            "Calls" if found.patterns.is_empty() => {
                found.transport = Transport::Grpc;
                found.patterns = codes(value);
            }
            "seldon-core" => reference = !value.is_empty(),
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
            "Responds as" => {
                let name = code(value).ok_or("\"Responds as\" is not one piece of code")?;
                found.same_as = Some(name);
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
                        "unknown row \"{name}\", must be one of Exchanges, Calls, seldon-core, \
                         Start, Status, Code, Body, At /PLACE, Header NAME, Without, Responds as, \
                         Compare, Reason"
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
        || found.same_as.is_some()
        || found.loosely;
    if found.patterns.is_empty() || !reference || !reason || !differs {
        return Err(
            "want the rows Exchanges or Calls, seldon-core, Reason and at least one of Start, \
             Status, Code, Body, At /PLACE, Header NAME, Without, Responds as, Compare"
                .to_owned(),
        );
    }
    Ok(found)
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
