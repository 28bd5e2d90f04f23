//! The golden file: the recorded responses of seldon-core.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::GoldenError;
use super::snapshot::Snapshot;

/// The recorded responses of the whole suite.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// What was recorded, by name: the versions of the packages that shape the responses.
    pub recorded: BTreeMap<String, String>,
    /// Ids of the groups for which seldon-core did not start.
    fails_to_start: BTreeSet<String>,
    #[serde(rename = "answers")]
    responses: BTreeMap<String, Snapshot>,
}

impl Golden {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not a golden file.
    pub fn load(path: &Path) -> Result<Self, GoldenError> {
        let text = std::fs::read_to_string(path).map_err(|source| GoldenError::Read {
            path: path.into(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|error| GoldenError::Format {
            path: path.into(),
            what: error.to_string(),
        })
    }

    /// The file's text: one line for each response, sorted by id.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{{\n  \"recorded\": {},\n  \"fails_to_start\": {},\n  \"answers\": {{\n",
            json(&self.recorded),
            json(&self.fails_to_start)
        );
        let lines: Vec<_> = self
            .responses
            .iter()
            .map(|(id, snapshot)| format!("    {}: {}", json(id), json(snapshot)))
            .collect();
        text.push_str(&lines.join(",\n"));
        text.push_str("\n  }\n}\n");
        text
    }

    /// Keeps the response to the exchange `id`.
    pub fn insert(&mut self, id: &str, snapshot: Snapshot) {
        self.responses.insert(id.to_owned(), snapshot);
    }

    /// Keeps that the server did not start for the group `id`.
    pub fn insert_failed_start(&mut self, id: &str) {
        self.fails_to_start.insert(id.to_owned());
    }

    /// Forgets every response and failed start whose id `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.responses.retain(|id, _| keep(id));
        self.fails_to_start.retain(|id| keep(id));
    }

    /// Adds everything that `other` holds.
    pub fn extend(&mut self, other: Self) {
        self.responses.extend(other.responses);
        self.fails_to_start.extend(other.fails_to_start);
    }

    /// How many responses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.responses.len()
    }

    /// Whether there is no response.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }

    /// The response to the exchange `id`.
    #[must_use]
    pub fn response(&self, id: &str) -> Option<&Snapshot> {
        self.responses.get(id)
    }

    pub(super) fn fails_to_start(&self, group: &str) -> bool {
        self.fails_to_start.contains(group)
    }

    pub(super) fn covers(&self, ids: &[(&str, &str)]) -> Result<(), GoldenError> {
        let missing = ids.iter().find(|(group, exchange)| {
            !self.responses.contains_key(*exchange) && !self.fails_to_start(group)
        });
        match missing {
            Some((_, id)) => Err(GoldenError::Unrecorded {
                id: (*id).to_owned(),
            }),
            None => Ok(()),
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts, numbers and maps of them can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Keep;
    use super::*;
    use crate::http::Response;

    fn snapshot(headers: &[(&str, &str)], body: &[u8]) -> Snapshot {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let response = Response {
            status: 200,
            headers,
            body: body.to_vec(),
        };
        Snapshot::new(&response, Keep::All)
    }

    #[test]
    fn a_golden_file_is_read_back() {
        let mut golden = Golden::default();
        golden.insert("A/plain/é", snapshot(&[("vary", "b, a")], b"NaN"));
        golden.insert("A/plain/b", snapshot(&[], b"\xff"));
        golden.insert_failed_start("A/bad");
        let text = golden.to_text();
        let read: Golden = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_text(), text);
        assert_eq!(read.len(), 2);
        assert!(
            read.covers(&[("A/plain", "A/plain/b"), ("A/bad", "A/bad/x")])
                .is_ok()
        );
        assert!(read.covers(&[("A/plain", "A/plain/c")]).is_err());
    }
}
