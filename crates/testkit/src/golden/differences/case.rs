//! What the suite checks of one difference, as the file says it.

use std::collections::BTreeMap;

use serde::Deserialize;
use streeling_compare::{CODES, Json};

use super::super::snapshot::HEADERS;
use super::super::transport::Transport;
use super::difference::Difference;

/// What the file writes for a body or a header that is not there.
const ABSENT: &str = "absent";

/// Exchanges whose responses differ from the recorded ones in the same way.
///
/// `tests/conformance/README.md` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Case {
    #[serde(default)]
    exchanges: Vec<String>,
    #[serde(default)]
    calls: Vec<String>,
    start: Option<Start>,
    status: Option<u16>,
    code: Option<Code>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    at: BTreeMap<String, String>,
    without: Option<String>,
    responds_as: Option<String>,
    compare: Option<Compare>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Start {
    Serves,
    Fails,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compare {
    Loosely,
}

/// A gRPC status code, by its name in the file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Code(u16);

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        (0..)
            .zip(CODES)
            .find(|(_, known)| *known == name)
            .map(|(number, _)| Self(number))
            .ok_or_else(|| format!("code \"{name}\", must be one of {}", CODES.join(", ")))
    }
}

impl Case {
    pub(super) fn is_over(&self, transport: Transport) -> bool {
        match transport {
            Transport::Rest => !self.exchanges.is_empty(),
            Transport::Grpc => !self.calls.is_empty(),
        }
    }

    /// What its start, its status or its code says in short, in Markdown.
    pub(super) fn outcome(&self) -> Option<String> {
        match (self.start, self.status, self.code) {
            (Some(Start::Serves), ..) => Some("starts".to_owned()),
            (Some(Start::Fails), ..) => Some("does not start".to_owned()),
            (None, Some(status), _) => Some(status.to_string()),
            (None, None, Some(Code(code))) => Some(format!("`{}`", CODES[usize::from(code)])),
            (None, None, None) => None,
        }
    }

    /// What the suite compares with.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub(super) fn difference(&self, name: &str) -> Result<Difference, String> {
        let (transport, patterns) = match (self.exchanges.as_slice(), self.calls.as_slice()) {
            (exchanges, []) if !exchanges.is_empty() => (Transport::Rest, exchanges),
            ([], calls) if !calls.is_empty() => (Transport::Grpc, calls),
            _ => return Err("a case must have either exchanges or calls".to_owned()),
        };
        match transport {
            Transport::Rest if self.code.is_some() || self.without.is_some() => {
                return Err("code and without must be in a case with calls".to_owned());
            }
            Transport::Grpc if self.status.is_some() => {
                return Err("a case with calls must have code instead of status".to_owned());
            }
            _ => {}
        }
        let differs = self.outcome().is_some()
            || self.body.is_some()
            || self.without.is_some()
            || !self.at.is_empty()
            || !self.headers.is_empty()
            || self.responds_as.is_some()
            || self.compare.is_some();
        if !differs {
            return Err(
                "a case must have at least one of start, status, code, body, headers, at, \
                 without, responds-as, compare"
                    .to_owned(),
            );
        }
        Ok(Difference {
            name: name.to_owned(),
            transport,
            patterns: patterns.to_vec(),
            start: self.start.map(|start| start == Start::Serves),
            status: self.status.or(self.code.map(|code| code.0)),
            body: self.body()?,
            without: self.without.clone(),
            at: self.places()?,
            headers: self.headers()?,
            same_as: self.responds_as.clone(),
            loosely: matches!(self.compare, Some(Compare::Loosely)),
        })
    }

    fn body(&self) -> Result<Option<Option<String>>, String> {
        let Some(text) = &self.body else {
            return Ok(None);
        };
        let body = present(text);
        if let Some(body) = &body {
            Json::parse(body)
                .map_err(|error| format!("body must be JSON or \"{ABSENT}\": {error}"))?;
        }
        Ok(Some(body))
    }

    fn headers(&self) -> Result<BTreeMap<String, Option<String>>, String> {
        let header = |(name, value): (&String, &String)| {
            if HEADERS.contains(&name.as_str()) {
                Ok((name.clone(), present(value)))
            } else {
                Err(format!("header \"{name}\", must be one of {HEADERS:?}"))
            }
        };
        self.headers.iter().map(header).collect()
    }

    fn places(&self) -> Result<Vec<(String, serde_json::Value)>, String> {
        let value = |(place, text): (&String, &String)| {
            if !place.starts_with('/') {
                return Err(format!("at \"{place}\", must be a JSON pointer with its /"));
            }
            let value = serde_json::from_str(text)
                .map_err(|error| format!("at \"{place}\", must be JSON: {error}"))?;
            Ok((place.clone(), value))
        };
        self.at.iter().map(value).collect()
    }
}

fn present(text: &str) -> Option<String> {
    (text != ABSENT).then(|| text.to_owned())
}
