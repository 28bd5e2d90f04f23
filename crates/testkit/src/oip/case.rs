//! What the test checks of one difference, and what it makes of a recorded response.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use streeling_compare::{CODES, glob};

use super::group::Peer;
use super::response::Recorded;

/// Exchanges whose responses differ from the recorded ones in the same way.
///
/// `tests/conformance/oip/README.md` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) exchanges: Vec<String>,
    #[serde(default = "every_peer")]
    pub(super) peers: Vec<Peer>,
    status: Option<u16>,
    code: Option<String>,
    pub(super) like: Option<String>,
    body: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    at: BTreeMap<String, String>,
}

fn every_peer() -> Vec<Peer> {
    Peer::ALL.to_vec()
}

impl Case {
    pub(super) fn covers(&self, peer: Peer, id: &str) -> bool {
        self.peers.contains(&peer) && self.exchanges.iter().any(|pattern| glob(pattern, id))
    }

    /// The case for the exchanges of one of its patterns and one of its peers alone.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Peer, &str)> {
        let peers = self.peers.iter();
        peers.flat_map(|peer| self.exchanges.iter().map(|id| (*peer, id.as_str())))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.exchanges.is_empty() || self.peers.is_empty() {
            return Err("a case must have exchanges, and peers where it names them".to_owned());
        }
        if self.status.is_some() && self.code.is_some() {
            return Err("a case must have status (REST) or code (gRPC), not both".to_owned());
        }
        self.number()?;
        let changes = self.status.is_some()
            || self.code.is_some()
            || self.like.is_some()
            || self.body.is_some()
            || !self.without.is_empty()
            || !self.at.is_empty();
        if !changes {
            return Err("a case must have one of status, code, like, body, without, at".to_owned());
        }
        let places = self.without.iter().chain(self.at.keys());
        for place in places {
            if !place.starts_with('/') {
                return Err(format!("\"{place}\", must be a JSON pointer with its /"));
            }
        }
        for text in self.at.values().chain(&self.body) {
            let _: Value = serde_json::from_str(text)
                .map_err(|error| format!("\"{text}\", must be JSON: {error}"))?;
        }
        Ok(())
    }

    fn number(&self) -> Result<Option<u16>, String> {
        let Some(name) = &self.code else {
            return Ok(self.status);
        };
        let found = (0..).zip(CODES).find(|(_, known)| known == name);
        let (number, _) =
            found.ok_or_else(|| format!("code \"{name}\", must be one of {}", CODES.join(", ")))?;
        Ok(Some(number))
    }

    /// Makes of what a server responded what this one must.
    pub(super) fn change(&self, response: &mut Recorded) {
        if let Ok(Some(status)) = self.number() {
            response.status = status;
        }
        if let Some(body) = &self.body {
            response.body.clone_from(body);
        }
        if self.without.is_empty() && self.at.is_empty() {
            return;
        }
        let Ok(mut json) = serde_json::from_str::<Value>(&response.body) else {
            return;
        };
        for place in &self.without {
            edit(&mut json, &steps(place), None);
        }
        for (place, text) in &self.at {
            let value = serde_json::from_str(text).unwrap_or_default();
            edit(&mut json, &steps(place), Some(&value));
        }
        response.body = json.to_string();
    }
}

fn steps(place: &str) -> Vec<&str> {
    place.split('/').skip(1).collect()
}

/// Puts `value` at a place, or takes away what is there; `*` is every item or key.
fn edit(json: &mut Value, steps: &[&str], value: Option<&Value>) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    match json {
        Value::Object(fields) if *step == "*" => {
            fields
                .values_mut()
                .for_each(|field| edit(field, rest, value));
        }
        Value::Array(items) if *step == "*" => {
            items.iter_mut().for_each(|item| edit(item, rest, value));
        }
        Value::Object(fields) => match (rest, value) {
            ([], Some(value)) => {
                fields.insert((*step).to_owned(), value.clone());
            }
            ([], None) => {
                fields.shift_remove(*step);
            }
            _ => {
                if let Some(field) = fields.get_mut(*step) {
                    edit(field, rest, value);
                }
            }
        },
        Value::Array(items) => {
            let item = step.parse().ok().and_then(|at: usize| items.get_mut(at));
            match (item, rest, value) {
                (Some(item), [], Some(value)) => item.clone_from(value),
                (Some(item), [_, ..], _) => edit(item, rest, value),
                _ => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_changed_and_taken_away() {
        let case: Case = toml::from_str(
            r#"
            exchanges = ["a/*"]
            status = 201
            without = ["/outputs/*/parameters", "/odd/place"]
            at = { "/outputs/0/name" = '"y"', "/id" = "null" }
            "#,
        )
        .unwrap();
        case.check().unwrap();
        let mut response = Recorded {
            status: 200,
            body: r#"{"outputs":[{"name":"x","parameters":{}},{"parameters":{}}]}"#.to_owned(),
            ..Recorded::default()
        };
        case.change(&mut response);
        assert_eq!(response.status, 201);
        assert_eq!(response.body, r#"{"outputs":[{"name":"y"},{}],"id":null}"#);
        assert!(case.covers(Peer::KServe, "a/b") && !case.covers(Peer::KServe, "b/a"));
    }

    #[test]
    fn a_case_that_says_nothing_is_refused() {
        for (text, what) in [
            ("exchanges = [\"a\"]", "one of status"),
            ("exchanges = []\nstatus = 1", "must have exchanges"),
            ("exchanges = [\"a\"]\ncode = \"ODD\"", "must be one of OK"),
            ("exchanges = [\"a\"]\nwithout = [\"x\"]", "JSON pointer"),
            ("exchanges = [\"a\"]\nbody = \"{\"", "must be JSON"),
            (
                "exchanges = [\"a\"]\nbody = \"1\"\nstatus = 1\ncode = \"OK\"",
                "not both",
            ),
        ] {
            let case: Case = toml::from_str(text).unwrap();
            let error = case.check().unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
