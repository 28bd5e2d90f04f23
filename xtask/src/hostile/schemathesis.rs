//! schemathesis: random requests by the server's OpenAPI document, and what is wrong with the
//! responses by the same.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::shell::{root, target};
use crate::venv;

/// What is checked of each response. Not whether all that the document allows is accepted, nor all
/// else refused: as on seldon-core, which of these it is, the component and NumPy say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      unsupported_method,allow_header_conformance";

/// Requests of each operation, beside those of the borders.
const EXAMPLES: &str = "100";

/// A failure that is committed with its reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    pub(super) check: String,
    /// What stands in the message, or in the response.
    pub(super) text: String,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    explained: Vec<Explained>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) requests: usize,
    pub(super) version: String,
    /// Each with how often it was needed.
    pub(super) explained: Vec<(Explained, usize)>,
    pub(super) objections: Vec<String>,
}

/// Runs it.
pub(super) fn run(server: SocketAddr) -> anyhow::Result<Outcome> {
    let program = venv::SCHEMATHESIS.programs()?.join("st");
    let folder = target()?.join("hostile");
    fs::create_dir_all(&folder)?;
    let report = folder.join("schemathesis.ndjson");
    let url = format!("http://{server}");
    // It fails where one of its checks does; what counts is the report.
    let ended = Command::new(program)
        .args(["run", &format!("{url}/seldon.json"), "--url", &url])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args([
            "--max-examples",
            EXAMPLES,
            "--seed",
            "1",
            "--continue-on-failure",
        ])
        .args(["--generation-database", "none", "--no-shrink", "--no-color"])
        .args(["--report", "ndjson", "--report-ndjson-path"])
        .arg(&report)
        .current_dir(&folder)
        .output()?;
    let text = fs::read_to_string(&report)
        .with_context(|| String::from_utf8_lossy(&ended.stdout).into_owned())?;
    let path = root().join("tests/hostile/schemathesis.toml");
    let file: File = toml::from_str(&fs::read_to_string(path)?)?;
    let outcome = judge(&text, file.explained)?;
    let requests = outcome.requests;
    ensure!(
        requests > 1000,
        "schemathesis sent only {requests} requests"
    );
    Ok(outcome)
}

fn judge(report: &str, explained: Vec<Explained>) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome {
        requests: 0,
        version: String::new(),
        explained: explained.into_iter().map(|entry| (entry, 0)).collect(),
        objections: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for line in report.lines() {
        let event: Value = serde_json::from_str(line)?;
        if let Some(version) = event["Initialize"]["schemathesis_version"].as_str() {
            version.clone_into(&mut outcome.version);
        }
        let recorder = &event["ScenarioFinished"]["recorder"];
        let Some(cases) = recorder["checks"].as_object() else {
            continue;
        };
        for (case, checks) in cases {
            outcome.requests += 1;
            let failed = checks.as_array().into_iter().flatten();
            for check in failed.filter(|check| check["status"] == "failure") {
                let name = check["name"].as_str().unwrap_or_default();
                let failure = &check["failure_info"]["failure"];
                let message = failure["message"].as_str().unwrap_or_default();
                let body = body(&recorder["interactions"][case]["response"]["content"]);
                let is = |entry: &Explained| {
                    entry.check == name
                        && (message.contains(&entry.text) || body.contains(&entry.text))
                };
                if let Some((_, count)) = outcome.explained.iter_mut().find(|(one, _)| is(one)) {
                    *count += 1;
                } else if seen.insert((name.to_owned(), message.to_owned(), body.clone())) {
                    let operation = recorder["label"].as_str().unwrap_or_default();
                    let text: String = format!("{message} {body}").chars().take(400).collect();
                    outcome
                        .objections
                        .push(format!("{operation}: {name}: {text}"));
                }
            }
        }
    }
    Ok(outcome)
}

fn body(content: &Value) -> String {
    let text = content["$base64"].as_str().or_else(|| content.as_str());
    let bytes = BASE64_STANDARD.decode(text.unwrap_or_default());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_need_an_entry() {
        let failure =
            r#"{"name":"a","status":"failure","failure_info":{"failure":{"message":""}}}"#;
        let report = format!(
            "{{\"Initialize\":{{\"schemathesis_version\":\"4\"}}}}\n\
             {{\"ScenarioFinished\":{{\"recorder\":{{\"label\":\"GET /\",\"checks\":{{\
             \"x\":[{failure}],\"y\":[]}},\"interactions\":{{\"x\":{{\"response\":\
             {{\"content\":{{\"$base64\":\"aGVsbG8=\"}}}}}}}}}}}}}}\n"
        );
        let outcome = judge(&report, Vec::new()).unwrap();
        assert_eq!((outcome.requests, outcome.version.as_str()), (2, "4"));
        assert_eq!(outcome.objections, ["GET /: a:  hello"]);
        let entry = Explained {
            check: "a".to_owned(),
            text: "ell".to_owned(),
            why: "so".to_owned(),
        };
        let outcome = judge(&report, vec![entry]).unwrap();
        assert!(outcome.objections.is_empty());
        assert_eq!(outcome.explained[0].1, 1);
    }
}
