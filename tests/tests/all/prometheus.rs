//! A real Prometheus that scrapes servers, and its `promtool`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;
use streeling_testkit::Request;
use tempfile::TempDir;

use crate::support::{TIMEOUT, eventually};

/// A Prometheus that runs. Dropping it ends it.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    /// Its configuration and what it has scraped.
    _folder: TempDir,
}

/// One series of a query's result, at the time of the query.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sample {
    /// Its labels, the name among them.
    pub(crate) metric: BTreeMap<String, String>,
    #[serde(rename = "value")]
    at_and_value: (f64, String),
}

impl Sample {
    /// Its value.
    pub(crate) fn value(&self) -> f64 {
        self.at_and_value.1.parse().unwrap()
    }
}

impl Prometheus {
    /// Scrapes the targets' `path` five times a second from now on; waits until all were reached.
    pub(crate) fn start(targets: &[SocketAddr], path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let config = serde_json::json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{
                "job_name": "servers",
                "metrics_path": path,
                "static_configs": [{"targets": targets}],
            }],
        });
        // JSON is YAML.
        let file = folder.path().join("prometheus.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        let prometheus = Self::spawn(folder, &file);
        // It listens before it can run a query.
        eventually("a Prometheus that is ready", || {
            let response = Request::get("/-/ready").send(prometheus.address, TIMEOUT);
            response.unwrap().status == 200
        });
        let reached = || {
            let up = prometheus.query("up");
            up.len() == targets.len() && up.iter().all(|sample| sample.value() == 1.0)
        };
        let since = Instant::now();
        while !reached() {
            assert!(since.elapsed() < TIMEOUT, "{:?}", prometheus.query("up"));
            std::thread::sleep(Duration::from_millis(50));
        }
        prometheus
    }

    fn spawn(folder: TempDir, config: &Path) -> Self {
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--enable-feature=exemplar-storage")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a Prometheus is needed (Debian: prometheus)");
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        // Read to the end, or it would block on a full pipe.
        std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let since = Instant::now();
        let mut seen = Vec::new();
        let address = loop {
            let Ok(line) = lines.recv_timeout(TIMEOUT.saturating_sub(since.elapsed())) else {
                let _ = child.kill();
                panic!("no address in {seen:#?}");
            };
            if let Some(address) = listens_at(&line) {
                break address;
            }
            seen.push(line);
        };
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    /// The result of a query now; a malformed query fails the test.
    pub(crate) fn query(&self, query: &str) -> Vec<Sample> {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let response = Request::get(&path).send(self.address, TIMEOUT).unwrap();
        let mut body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{query}: {body}");
        serde_json::from_value(body["data"]["result"].take()).unwrap()
    }

    /// The exemplars of a query's series in the last minutes.
    pub(crate) fn exemplars(&self, query: &str) -> Vec<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (start, end) = (now.as_secs() - 600, now.as_secs() + 60);
        let query = escaped(query);
        let path = format!("/api/v1/query_exemplars?query={query}&start={start}&end={end}");
        let response = Request::get(&path).send(self.address, TIMEOUT).unwrap();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{body}");
        let series = body["data"].as_array().unwrap().iter();
        series
            .flat_map(|one| one["exemplars"].as_array().unwrap().clone())
            .collect()
    }

    /// The type of a family, as it was scraped: `counter`, `histogram`. In OpenMetrics, which
    /// Prometheus accepts, a counter's family lacks the `_total` of its samples.
    pub(crate) fn kind(&self, name: &str) -> String {
        let path = format!("/api/v1/metadata?metric={name}");
        let response = Request::get(&path).send(self.address, TIMEOUT).unwrap();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let kind = body["data"][name][0]["type"].as_str();
        kind.unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// Queries until the result is one series for whose value `is` holds; returns that value.
    pub(crate) fn wait_for(&self, query: &str, is: impl Fn(f64) -> bool) -> f64 {
        let since = Instant::now();
        loop {
            let found = self.query(query);
            match found.as_slice() {
                [one] if is(one.value()) => return one.value(),
                _ => assert!(since.elapsed() < TIMEOUT, "{query}: {found:?}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The address in the log line that announces it, which versions 2 and 3 write differently.
fn listens_at(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("msg=\"Listening on\"")?;
    rest.split_whitespace()
        .find_map(|field| field.strip_prefix("address="))?
        .parse()
        .ok()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What promtool reports about a scrape: nothing, if all is well.
pub(crate) fn check_metrics(scrape: &str) -> String {
    let mut child = promtool(&["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
        .expect(NEEDED);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(scrape.as_bytes())
        .unwrap();
    said(child.wait_with_output().unwrap())
}

/// What promtool reports about a file of rules, and whether it accepts them.
pub(crate) fn check_rules(file: &Path) -> (bool, String) {
    let output = promtool(&["check", "rules"])
        .arg(file)
        .output()
        .expect(NEEDED);
    (output.status.success(), said(output))
}

/// What promtool reports about a file of tests of rules, and whether these pass.
pub(crate) fn test_rules(file: &Path) -> (bool, String) {
    let output = promtool(&["test", "rules"])
        .arg(file)
        .output()
        .expect(NEEDED);
    (output.status.success(), said(output))
}

const NEEDED: &str = "promtool is needed (Debian: prometheus)";

fn promtool(arguments: &[&str]) -> Command {
    let mut promtool = Command::new("promtool");
    promtool
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    promtool
}

fn said(output: Output) -> String {
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8(output.stderr).unwrap());
    if !output.status.success() {
        text.push_str(&output.status.to_string());
    }
    text
}

/// A text as a value in a URL.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[test]
fn the_address_is_found_in_every_version_s_log() {
    for line in [
        "ts=2023-01-01T00:00:00.000Z caller=tls_config.go:232 level=info component=web \
         msg=\"Listening on\" address=127.0.0.1:34567",
        "time=2025-01-01T00:00:00.000Z level=INFO source=tls_config.go:347 msg=\"Listening on\" \
         component=web address=127.0.0.1:34567",
    ] {
        assert_eq!(listens_at(line), Some(([127, 0, 0, 1], 34567).into()));
    }
    // It reports what was expected, and not what it got.
    let other =
        "level=INFO msg=\"Start listening for connections\" component=web address=127.0.0.1:0";
    assert_eq!(listens_at(other), None);
}
