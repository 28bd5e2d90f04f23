//! Which requests are recorded.

use std::time::Instant;

use streeling_testkit::{Server, ServerCommand};
use tempfile::TempDir;

use crate::collector::{Collector, Span, named};
use crate::support::command;
use crate::traces::predicted;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// `Scripted` with a sampler in a Jaeger configuration file, which the folder keeps alive.
fn sampled(collector: &Collector, kind: &str, param: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jaeger.yaml");
    let text = format!("sampler:\n  type: {kind}\n  param: {param}\nlogging: true\n");
    std::fs::write(&file, text).unwrap();
    let server: ServerCommand = collector.by_jaeger(command("Scripted"));
    let server = server.env("JAEGER_CONFIG_PATH", file).start().unwrap();
    (server, folder)
}

/// The requests that were recorded when the server has ended.
fn requests(collector: &Collector, server: Server) -> Vec<Span> {
    let all = collector.spans_after(server);
    named(&all, "Predict").into_iter().cloned().collect()
}

#[test]
fn the_callers_decision_counts_and_the_rule_where_there_is_none() {
    for (param, own) in [("0", 0), ("1", 3)] {
        let collector = Collector::start();
        let (server, _file) = sampled(&collector, "const", param);
        let undecided = [
            vec![],
            vec![("uber-trace-id", "nonsense")],
            vec![("b3", "x")],
        ];
        for headers in &undecided {
            predicted(&server, headers);
        }
        let yes = [
            ("uber-trace-id", format!("{TRACE}:{CALLER}:0:1")),
            ("traceparent", format!("00-{TRACE}-{CALLER}-01")),
            ("b3", format!("{TRACE}-{CALLER}-1")),
        ];
        let no = [
            ("uber-trace-id", format!("{TRACE}:{CALLER}:0:0")),
            ("traceparent", format!("00-{TRACE}-{CALLER}-00")),
            ("b3", format!("{TRACE}-{CALLER}-0")),
            ("b3", "0".to_owned()),
        ];
        for (name, value) in yes.iter().chain(&no) {
            predicted(&server, &[(name, value)]);
        }
        let requests = requests(&collector, server);
        let theirs = requests.iter().filter(|span| span.parent_id == CALLER);
        assert_eq!(theirs.count(), yes.len(), "const {param}: {requests:#?}");
        assert_eq!(
            requests.len(),
            yes.len() + own,
            "const {param}: {requests:#?}"
        );
    }
}

#[test]
fn a_part_of_all_requests() {
    for (param, least, most) in [("0.0", 0, 0), ("1.0", 200, 200), ("0.5", 50, 150)] {
        let collector = Collector::start();
        let (server, _file) = sampled(&collector, "probabilistic", param);
        for _ in 0..200 {
            predicted(&server, &[]);
        }
        let count = requests(&collector, server).len();
        assert!((least..=most).contains(&count), "{param}: {count}");
    }
}

#[test]
fn so_many_requests_a_second() {
    let collector = Collector::start();
    let (server, _file) = sampled(&collector, "ratelimiting", "2");
    let since = Instant::now();
    for _ in 0..200 {
        predicted(&server, &[]);
    }
    let seconds = since.elapsed().as_secs_f64();
    let count = requests(&collector, server).len();
    // The requests of one second may all come at once; the clock that counts is the server's.
    let most = 2.0 + 2.0 * seconds + 1.0;
    assert!(count >= 2 && count as f64 <= most, "{count} in {seconds} s");
}

#[test]
fn a_sampler_of_the_component_s_is_left_out_and_said_once() {
    let collector = Collector::start();
    let server = collector
        .by_jaeger(command("Scripted"))
        .env("OTEL_TRACES_SAMPLER", "xray")
        .start()
        .unwrap();
    predicted(&server, &[]);
    collector.wait_for("request", |span| span.name == "Predict");
    let log = server.log();
    let said = log
        .iter()
        .filter(|line| line.contains("OTEL_TRACES_SAMPLER"));
    assert_eq!(said.count(), 1, "{log:#?}");
}
