//! h2spec: whether the gRPC port does what RFC 9113 and RFC 7541 say.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::shell::{root, target};
use crate::tools;

/// Where a request is sent to.
const PATH: &str = "/seldon.protos.Model/Predict";

/// A failure that is committed with its reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    /// The section, as h2spec names it.
    pub(super) section: String,
    pub(super) test: String,
    pub(super) why: String,
    /// Whether the test succeeds at times.
    #[serde(default)]
    pub(super) at_times: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    explained: Vec<Explained>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) tests: usize,
    pub(super) explained: Vec<Explained>,
    /// Failures that no entry explains, and entries that explain nothing.
    pub(super) objections: Vec<String>,
}

/// Runs it.
pub(super) fn run(server: SocketAddr) -> anyhow::Result<Outcome> {
    let program = tools::h2spec()?;
    let report = target()?.join("hostile/h2spec.xml");
    fs::create_dir_all(report.parent().context("it is in a folder")?)?;
    // It fails where one of its tests does; what counts is the report.
    let ended = Command::new(program)
        .args(["--host", &server.ip().to_string()])
        .args(["--port", &server.port().to_string()])
        .args([
            "--path",
            PATH,
            "--strict",
            "--timeout",
            "5",
            "--junit-report",
        ])
        .arg(&report)
        .output()?;
    let text = fs::read_to_string(&report)
        .with_context(|| String::from_utf8_lossy(&ended.stdout).into_owned())?;
    let path = root().join("tests/hostile/h2spec.toml");
    let file: File = toml::from_str(&fs::read_to_string(path)?)?;
    let outcome = judge(&tests(&text), file.explained);
    ensure!(
        outcome.tests > 100,
        "h2spec ran only {} tests",
        outcome.tests
    );
    Ok(outcome)
}

/// A test of the report: its section, its name, and whether it failed.
#[derive(Debug, PartialEq)]
struct Test {
    section: String,
    name: String,
    failed: bool,
}

fn judge(tests: &[Test], explained: Vec<Explained>) -> Outcome {
    let is =
        |entry: &Explained, test: &Test| entry.section == test.section && entry.test == test.name;
    let mut objections = Vec::new();
    for test in tests.iter().filter(|test| test.failed) {
        if !explained.iter().any(|entry| is(entry, test)) {
            objections.push(format!("{}: {}", test.section, test.name));
        }
    }
    let (mut found, mut idle) = (Vec::new(), Vec::new());
    for entry in explained {
        let failed = tests.iter().any(|test| test.failed && is(&entry, test));
        if failed {
            found.push(entry);
        } else if !entry.at_times {
            idle.push(format!(
                "{}: {} does not fail, strike its entry",
                entry.section, entry.test
            ));
        }
    }
    objections.extend(idle);
    Outcome {
        tests: tests.len(),
        explained: found,
        objections,
    }
}

/// The tests in a report in the form of `JUnit`.
fn tests(report: &str) -> Vec<Test> {
    let attribute = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!(" {name}=\""))?;
        let (value, _) = rest.split_once('"')?;
        Some(unescaped(value))
    };
    let cases = report.split("<testcase").skip(1);
    cases
        .filter_map(|case| {
            let (head, rest) = case.split_once('>')?;
            let body = rest.split("</testcase>").next().unwrap_or_default();
            Some(Test {
                section: attribute(head, "package")?,
                name: attribute(head, "classname")?,
                failed: body.contains("<error>") || body.contains("<failure>"),
            })
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    [
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The version, for the report.
pub(super) fn version() -> anyhow::Result<String> {
    let folder = root().join("tests/hostile/h2spec/go.mod");
    let text = fs::read_to_string(folder)?;
    let line = text.lines().find(|line| line.contains("h2spec v"));
    let version = line.and_then(|line| line.split_whitespace().find(|word| word.starts_with('v')));
    Ok(version.context("go.mod names no h2spec")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "<testsuites>\n<testsuite name=\"A\" package=\"generic/1\">\n\
        <testcase package=\"generic/1\" classname=\"one &#34;x&#34;\" time=\"0.1\"></testcase>\n\
        <testcase package=\"generic/1\" classname=\"two\" time=\"0.1\">\n<error>E</error>\n\
        </testcase>\n<testcase package=\"http2/1\" classname=\"three\" time=\"0.1\">\n\
        <skipped></skipped></testcase>\n</testsuite></testsuites>";

    fn explained(test: &str) -> Explained {
        Explained {
            section: "generic/1".to_owned(),
            test: test.to_owned(),
            why: "so".to_owned(),
            at_times: false,
        }
    }

    #[test]
    fn failures_need_an_entry_and_entries_a_failure() {
        let tests = tests(REPORT);
        assert_eq!(tests.len(), 3);
        assert_eq!(tests[0].name, "one \"x\"");
        assert_eq!(judge(&tests, Vec::new()).objections, ["generic/1: two"]);
        let right = judge(&tests, vec![explained("two")]);
        assert!(right.objections.is_empty() && right.explained.len() == 1);
        let stale = judge(&tests, vec![explained("two"), explained("three")]);
        assert_eq!(stale.objections.len(), 1, "{:?}", stale.objections);
    }
}
