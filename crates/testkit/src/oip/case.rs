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
    media_type: Option<String>,
    body: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    without_value: BTreeMap<String, String>,
    #[serde(default)]
    at: BTreeMap<String, String>,
    /// Outputs lose a last side of one.
    #[serde(default)]
    flat: bool,
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
            || self.media_type.is_some()
            || self.body.is_some()
            || self.flat
            || self.edits();
        if !changes {
            let what = "a case must have one of status, code, like, media_type, body, without, \
                        without_value, at, flat";
            return Err(what.to_owned());
        }
        let places = self.without.iter().chain(self.without_value.keys());
        let places = places.chain(self.at.keys());
        for place in places {
            if !place.starts_with('/') {
                return Err(format!("\"{place}\", must be a JSON pointer with its /"));
            }
        }
        let values = self.at.values().chain(self.without_value.values());
        for text in values.chain(&self.body) {
            let _: Value = serde_json::from_str(text)
                .map_err(|error| format!("\"{text}\", must be JSON: {error}"))?;
        }
        Ok(())
    }

    fn edits(&self) -> bool {
        !(self.without.is_empty() && self.without_value.is_empty() && self.at.is_empty())
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
        if self.media_type.is_some() {
            response.media_type.clone_from(&self.media_type);
        }
        if let Some(body) = &self.body {
            response.body.clone_from(body);
        }
        if !self.edits() && !self.flat {
            return;
        }
        let Ok(mut json) = serde_json::from_str::<Value>(&response.body) else {
            return;
        };
        for place in &self.without {
            edit(&mut json, &steps(place), Edit::Remove);
        }
        let value = |text: &String| serde_json::from_str(text).unwrap_or_default();
        for (place, text) in &self.without_value {
            edit(&mut json, &steps(place), Edit::RemoveEqual(&value(text)));
        }
        for (place, text) in &self.at {
            edit(&mut json, &steps(place), Edit::Put(&value(text)));
        }
        if self.flat {
            flatten(&mut json);
        }
        response.body = json.to_string();
    }
}

fn steps(place: &str) -> Vec<&str> {
    place.split('/').skip(1).collect()
}

/// What is done at a place.
#[derive(Clone, Copy)]
enum Edit<'a> {
    Put(&'a Value),
    Remove,
    RemoveEqual(&'a Value),
}

/// Does it; `*` is every item or key. A place that is not there stays so.
fn edit(json: &mut Value, steps: &[&str], what: Edit<'_>) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    match json {
        Value::Object(fields) if *step == "*" => {
            fields.values_mut().for_each(|one| edit(one, rest, what));
        }
        Value::Array(items) if *step == "*" => {
            items.iter_mut().for_each(|one| edit(one, rest, what));
        }
        Value::Object(fields) if rest.is_empty() => match what {
            Edit::Put(value) => {
                fields.insert((*step).to_owned(), value.clone());
            }
            Edit::RemoveEqual(value) if fields.get(*step) != Some(value) => {}
            Edit::Remove | Edit::RemoveEqual(_) => {
                fields.shift_remove(*step);
            }
        },
        Value::Object(fields) => {
            if let Some(field) = fields.get_mut(*step) {
                edit(field, rest, what);
            }
        }
        Value::Array(items) => {
            let Some(item) = step.parse().ok().and_then(|at: usize| items.get_mut(at)) else {
                return;
            };
            match what {
                Edit::Put(value) if rest.is_empty() => item.clone_from(value),
                _ => edit(item, rest, what),
            }
        }
        _ => {}
    }
}

/// Takes a last side of one from the shapes of outputs that have two.
fn flatten(json: &mut Value) {
    let outputs = json.get_mut("outputs").and_then(Value::as_array_mut);
    for output in outputs.into_iter().flatten() {
        if let Some(Value::Array(shape)) = output.get_mut("shape")
            && shape.len() == 2
            && shape[1] == 1
        {
            shape.pop();
        }
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
            without_value = { "/drawn" = '"{uuid}"', "/model" = '"other"' }
            at = { "/outputs/0/name" = '"y"', "/id" = "null" }
            flat = true
            "#,
        )
        .unwrap();
        case.check().unwrap();
        let mut response = Recorded {
            status: 200,
            body: r#"{"drawn":"{uuid}","model":"m","outputs":[{"name":"x","parameters":{}},
                {"shape":[3,1],"parameters":{}}]}"#
                .to_owned(),
            ..Recorded::default()
        };
        case.change(&mut response);
        assert_eq!(response.status, 201);
        let expected = r#"{"model":"m","outputs":[{"name":"y"},{"shape":[3]}],"id":null}"#;
        assert_eq!(response.body, expected);
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
