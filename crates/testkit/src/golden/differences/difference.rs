//! One difference, and what it makes of a recorded response.

use std::collections::BTreeMap;

use serde_json::Value;
use streeling_compare::{Rules, glob};

use super::super::snapshot::{MESSAGE, Snapshot};
use super::super::transport::Transport;

/// One allowed difference.
#[derive(Clone, Debug)]
pub struct Difference {
    pub(super) name: String,
    pub(super) transport: Transport,
    pub(super) patterns: Vec<String>,
    pub(super) start: Option<bool>,
    pub(super) status: Option<u16>,
    pub(super) body: Option<Option<String>>,
    pub(super) without: Option<String>,
    pub(super) at: Vec<(String, Value)>,
    pub(super) headers: BTreeMap<String, Option<String>>,
    pub(super) same_as: Option<String>,
    pub(super) loosely: bool,
}

impl Difference {
    /// Its heading and its row below it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn covers(&self, id: &str) -> bool {
        self.patterns.iter().any(|pattern| glob(pattern, id))
    }

    /// Whether Streeling starts, where that is the difference.
    pub(in crate::golden) fn start(&self) -> Option<bool> {
        self.start
    }

    /// The exchange whose recorded response is given to `id`, if it is another one of its group.
    pub(in crate::golden) fn model_of(&self, id: &str) -> Option<String> {
        let name = self.same_as.as_ref()?;
        let mut parts = id.splitn(3, '/');
        let (component, group) = (parts.next()?, parts.next()?);
        Some(format!("{component}/{group}/{name}"))
    }

    /// The expected response where seldon-core's is `recorded`, or where it does not even start.
    pub(in crate::golden) fn expected(&self, recorded: Option<&Snapshot>) -> Snapshot {
        let mut expected = recorded.cloned().unwrap_or_default();
        expected.rules = Rules {
            // A recorded `*` means itself.
            globs: matches!(self.body, Some(Some(_))),
            loosely: self.loosely,
            ..Rules::default()
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

/// A body with another value at a place (a JSON pointer). A body that is no JSON, or a place
/// without a parent, stays as it is, and then differs.
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
