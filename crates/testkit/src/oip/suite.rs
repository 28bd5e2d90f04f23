//! The comparison of what this server responds with what others did.

use std::path::Path;

use serde_json::Value;
use streeling_compare::{CODES, Json, Messages, Reply, Rules};

use super::case::Case;
use super::error::OipError;
use super::group::{Group, Peer};
use super::list::Differences;
use super::response::{Recorded, Recording};

/// Every HTTP status is above every gRPC code.
const LOWEST_HTTP: u16 = 100;

/// Outputs are compared as numbers: scikit-learn and NumPy add up in different orders.
const RULES: Rules = Rules {
    globs: true,
    loosely: false,
    tolerance: 1e-9,
};

/// The groups, what was recorded of them, and the differences.
#[derive(Debug)]
pub struct Suite {
    groups: Vec<Group>,
    recordings: Vec<(usize, Peer, Recording)>,
    differences: Differences,
    messages: Messages,
}

/// What comparing one group with one server has shown.
#[derive(Debug, Default)]
pub struct Findings {
    /// One line for each way in which a response differs that is not listed.
    pub mismatches: Vec<String>,
    /// Parts of cases that were seen to occur: the case's number in the file, peer and pattern.
    occurred: Vec<(usize, Peer, String)>,
}

impl Suite {
    /// Reads everything of the repository at `root`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not of its form.
    pub fn load(root: &Path) -> Result<Self, OipError> {
        let messages = Messages::new();
        let groups = Group::load_all(root, &messages)?;
        let mut recordings = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            for peer in &group.peers {
                recordings.push((index, *peer, Recording::load(root, group, *peer)?));
            }
        }
        Ok(Self {
            groups,
            recordings,
            differences: Differences::load(root)?,
            messages,
        })
    }

    /// Every group with a server that it was recorded from.
    pub fn recorded(&self) -> impl Iterator<Item = (&Group, Peer)> {
        let recordings = self.recordings.iter();
        recordings.map(|(index, peer, _)| (&self.groups[*index], *peer))
    }

    /// How many exchanges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recorded().map(|(group, _)| group.requests.len()).sum()
    }

    /// Whether there is no exchange.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Compares what this server has responded to `group` with what `peer` did.
    #[must_use]
    pub fn compare(&self, group: &Group, peer: Peer, replies: &[Reply]) -> Findings {
        let mut findings = Findings::default();
        for (request, reply) in group.requests.iter().zip(replies) {
            let id = format!("{}/{}", group.id, request.name);
            match Recorded::new(request, reply, &self.messages) {
                Ok(got) => self.compare_one(&id, peer, &got, &mut findings),
                Err(error) => findings.mismatches.push(format!("{id}: {error}")),
            }
        }
        findings
    }

    fn compare_one(&self, id: &str, peer: Peer, got: &Recorded, findings: &mut Findings) {
        let mismatches = self.mismatches(id, peer, got, None);
        let named = mismatches.into_iter();
        let named = named.map(|line| format!("{} {id}: {line}", peer.name()));
        findings.mismatches.extend(named);
        for (number, (_, case)) in self.differences.cases().enumerate() {
            if case.covers(peer, id) && !self.mismatches(id, peer, got, Some(number)).is_empty() {
                let patterns = case.exchanges.iter();
                let patterns = patterns.filter(|pattern| streeling_compare::glob(pattern, id));
                let occurred = patterns.map(|pattern| (number, peer, pattern.clone()));
                findings.occurred.extend(occurred);
            }
        }
    }

    /// The cases of the list that did not occur in any of `findings`, which are of the whole suite.
    #[must_use]
    pub fn idle(&self, findings: &[Findings]) -> Vec<String> {
        let mut idle = Vec::new();
        for (number, (row, case)) in self.differences.cases().enumerate() {
            for (peer, pattern) in case.parts() {
                let mut occurred = findings.iter().flat_map(|found| &found.occurred);
                let is_seen = |(n, p, id): &(usize, Peer, String)| {
                    *n == number && *p == peer && id == pattern
                };
                if !occurred.any(is_seen) {
                    let when = &row.when;
                    idle.push(format!("\"{when}\": {} {pattern}", peer.name()));
                }
            }
        }
        idle
    }

    /// In what `got` is not what it must be by the recording and all cases but that of the number
    /// `left_out`.
    fn mismatches(
        &self,
        id: &str,
        peer: Peer,
        got: &Recorded,
        left_out: Option<usize>,
    ) -> Vec<String> {
        let cases: Vec<&Case> = self
            .differences
            .cases()
            .enumerate()
            .filter(|(number, (_, case))| Some(*number) != left_out && case.covers(peer, id))
            .map(|(_, (_, case))| case)
            .collect();
        let model = cases.iter().find_map(|case| case.like.as_deref());
        let model = model.unwrap_or(id);
        let Some(mut expected) = self.response(model, peer).cloned() else {
            return vec![format!("no recorded response to {model}")];
        };
        cases.iter().for_each(|case| case.change(&mut expected));
        compare(&expected, got)
    }

    fn response(&self, id: &str, peer: Peer) -> Option<&Recorded> {
        let (group, name) = id.split_once('/')?;
        let mut recordings = self.recordings.iter();
        let (.., recording) = recordings
            .find(|(index, recorded, _)| *recorded == peer && self.groups[*index].id == group)?;
        recording.response(name)
    }
}

/// One line for each way in which `got` is not as expected.
///
/// Of an error only the status counts, and that it has the protocol's form: each server has words
/// of its own.
fn compare(expected: &Recorded, got: &Recorded) -> Vec<String> {
    if expected.status != got.status {
        let status = |response: &Recorded| status_name(response.status);
        let what = format!(
            "status: want {}, got {}: {}{}",
            status(expected),
            status(got),
            got.body,
            got.text
        );
        return vec![what];
    }
    if !got.is_success() {
        return error_mismatches(got);
    }
    let mut found = Vec::new();
    if expected.media_type != got.media_type && !got.body.is_empty() {
        let (want, got) = (&expected.media_type, &got.media_type);
        found.push(format!("content-type: want {want:?}, got {got:?}"));
    }
    match (Json::parse(&expected.body), Json::parse(&got.body)) {
        (Ok(want), Ok(have)) => want.mismatches(&have, RULES, "$", &mut found),
        _ if expected.body == got.body => {}
        _ => found.push(format!(
            "body: want {:?}, got {:?}",
            expected.body, got.body
        )),
    }
    found
}

fn error_mismatches(got: &Recorded) -> Vec<String> {
    if got.status < LOWEST_HTTP {
        return match got.text.is_empty() {
            true => vec!["an error without a text".to_owned()],
            false => Vec::new(),
        };
    }
    let json = serde_json::from_str::<Value>(&got.body);
    let text = json
        .as_ref()
        .ok()
        .and_then(|json| json.get("error")?.as_str());
    if got.media_type.as_deref() == Some("application/json") && text.is_some_and(|t| !t.is_empty())
    {
        return Vec::new();
    }
    let kind = &got.media_type;
    vec![format!(
        "want {{\"error\": TEXT}} as JSON, got {kind:?}: {}",
        got.body
    )]
}

fn status_name(status: u16) -> String {
    match CODES.get(usize::from(status)) {
        Some(name) if status < LOWEST_HTTP => (*name).to_owned(),
        _ => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = r#"
        intro = ""
        [[difference]]
        when = "a bad body"
        others = "422"
        streeling = "400"
        reason = "a mistake"
        [[difference.case]]
        peers = ["kserve"]
        exchanges = ["g/listed"]
        status = 400
    "#;

    fn recorded(status: u16, body: &str) -> Recorded {
        Recorded {
            status,
            media_type: Some("application/json".to_owned()),
            body: body.to_owned(),
            ..Recorded::default()
        }
    }

    /// `KServe` responded with 422 to `g/listed`, and with an output to `g/served`.
    fn suite() -> Suite {
        let lines = r#"{"name":"listed","path":"/a"}
            {"name":"served","path":"/a"}"#;
        let messages = Messages::new();
        let group = Group {
            id: "g".to_owned(),
            model: "m".to_owned(),
            file: String::new(),
            component: String::new(),
            parameters: std::collections::BTreeMap::new(),
            peers: vec![Peer::KServe],
            requests: streeling_compare::Request::parse_all(lines, &messages).unwrap(),
        };
        let responses = vec![recorded(422, "{}"), recorded(200, r#"{"a":[1,0.5]}"#)];
        let recording = Recording::new(std::collections::BTreeMap::new(), &group, responses);
        Suite {
            groups: vec![group],
            recordings: vec![(0, Peer::KServe, recording)],
            differences: Differences::parse(LISTED).unwrap(),
            messages,
        }
    }

    fn compare_with(suite: &Suite, id: &str, got: &Recorded) -> Findings {
        let mut findings = Findings::default();
        suite.compare_one(id, Peer::KServe, got, &mut findings);
        findings
    }

    #[test]
    fn outputs_are_equal_within_the_tolerance() {
        let suite = suite();
        let compare = |body| compare_with(&suite, "g/served", &recorded(200, body)).mismatches;
        assert_eq!(compare(r#"{"a":[1,0.50000000001]}"#), [""; 0]);
        assert_eq!(compare(r#"{"a":[1,0.5001]}"#).len(), 1);
        assert_eq!(compare(r#"{"a":[2,0.5]}"#).len(), 1);
    }

    #[test]
    fn a_listed_difference_must_occur_and_an_error_have_its_form() {
        let suite = suite();
        let error = |status| recorded(status, r#"{"error":"no"}"#);
        let found = compare_with(&suite, "g/listed", &error(400));
        assert_eq!(found.mismatches, [""; 0]);
        assert_eq!(suite.idle(&[found]), [""; 0]);
        let found = compare_with(&suite, "g/listed", &error(422));
        assert_eq!(found.mismatches.len(), 1);
        assert_eq!(suite.idle(&[found]), ["\"a bad body\": kserve g/listed"]);
        let formless = recorded(400, "{}");
        let found = compare_with(&suite, "g/listed", &formless).mismatches;
        assert!(found[0].contains("want {\"error\": TEXT}"), "{found:?}");
    }
}
