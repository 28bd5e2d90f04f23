//! The component's metrics, as Prometheus scrapes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand};

use crate::grpc_client::{feedback, predict, tensor};
use crate::support::{Gate, TIMEOUT, command, eventually, send_json};

pub(crate) fn scrape_at(server: &Server, path: &str) -> String {
    let response = Request::get(path).send(server.metrics_address(), TIMEOUT);
    let response = response.unwrap();
    assert_eq!(response.status, 200);
    let text = String::from_utf8(response.body).unwrap();
    assert_unique(&text);
    text
}

/// Fails if a scrape has two samples of one series: Prometheus would keep one, or refuse all.
fn assert_unique(text: &str) {
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let series = series(line);
        assert!(seen.insert(series), "twice: {series} in {text}");
    }
}

/// Name and labels of a sample: up to the first space that is not in a label's value.
fn series(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let end = line.find(|c| {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        c == ' ' && !quoted
    });
    &line[..end.unwrap()]
}

#[test]
fn a_series_that_is_there_twice_is_noticed() {
    let line = r#"a{b="c \" d",e="f"} 1.0 # {g="h"} 1.0"#;
    assert_eq!(series(line), r#"a{b="c \" d",e="f"}"#);
    assert_eq!(series("a 1.0"), "a");
    let twice = std::panic::catch_unwind(|| assert_unique("a{b=\"c d\"} 1\na{b=\"c d\"} 2"));
    assert!(twice.is_err());
    assert_unique("# a\n# a\na{b=\"c d\"} 1\na{b=\"c e\"} 1");
}

/// A scrape.
pub(crate) fn scrape(server: &Server) -> String {
    scrape_at(server, "/metrics")
}

/// A scrape by a client that accepts this; its content type, and its text.
pub(crate) fn scrape_as(server: &Server, accept: &str) -> (String, String) {
    let mut request = Request::get("/metrics");
    request
        .headers
        .push(("accept".to_owned(), accept.to_owned()));
    let response = request.send(server.metrics_address(), TIMEOUT).unwrap();
    assert_eq!(response.status, 200);
    let text = String::from_utf8(response.body).unwrap();
    assert_unique(&text);
    (response.headers["content-type"].clone(), text)
}

/// The value of the one sample of this name that has all of these labels.
pub(crate) fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let start = format!("{name}{{");
    let found: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&start)?.split_once("} "))
        .filter(|(found, _)| {
            let found: Vec<&str> = found.split(',').collect();
            labels.iter().all(|label| found.contains(&label.as_str()))
        })
        .map(|(_, value)| value)
        .collect();
    assert_eq!(found.len(), 1, "{name} {labels:?} in {text}");
    found[0].parse().unwrap()
}

/// A metric of the pool that serves REST, by its kind where it has several.
pub(crate) fn of_pool(server: &Server, name: &str, reason: Option<&str>) -> f64 {
    let mut labels = vec![("pool", "rest")];
    labels.extend(reason.map(|reason| ("reason", reason)));
    value(&scrape(server), &format!("streeling_{name}"), &labels)
}

/// A component of `metered.py`, on both transports.
pub(crate) fn metered(class: &str) -> ServerCommand {
    command(&format!("metered.{class}"))
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
}

/// Calls such a component for a prediction; the complete response.
pub(crate) fn predicted(server: &Server) -> Value {
    let (status, body) = send_json(server, &Request::json("/predict", r#"{"strData":"a"}"#));
    assert_eq!(status, 200, "{body}");
    body
}

/// The request for a prediction that takes until the gate opens.
pub(crate) fn held(gate: &Gate) -> Request {
    let body = json!({"jsonData": {"until": gate.file()}}).to_string();
    Request::json("/predict", body)
}

/// Sends it feedback; the status.
pub(crate) fn rewarded(server: &Server, reward: f64) -> u16 {
    let body = json!({"request": {"strData": "a"}, "reward": reward});
    send_json(server, &Request::json("/send-feedback", body.to_string())).0
}

#[test]
fn metrics_of_both_transports_with_the_identity_of_the_unit() {
    let server = metered("Plain")
        .env("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus")
        .env("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "false")
        .env("PREDICTIVE_UNIT_ID", "unit-1")
        .env("PREDICTIVE_UNIT_IMAGE", "registry:5000/plain:0.3")
        .env("PREDICTOR_ID", "predictor-1")
        .env("PREDICTOR_LABELS", r#"{"version":"v2"}"#)
        .env("SELDON_DEPLOYMENT_ID", "deployment-1")
        .start()
        .unwrap();
    let body = predicted(&server);
    assert!(body["meta"].get("metrics").is_none(), "{body}");
    predicted(&server);
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    assert_eq!(
        (rewarded(&server, 0.5), rewarded(&server, -0.25)),
        (200, 200)
    );
    // Neither could have reached the component as a reward.
    assert_eq!(rewarded(&server, 0.0), 200);
    feedback(server.grpc_address(), 2.0).unwrap();
    // This one did reach it.
    assert_eq!(rewarded(&server, 7.0), 500);

    let text = scrape_at(&server, "/prometheus");
    let identity = [
        r#"deployment_name="deployment-1""#,
        r#"image_name="registry:5000/plain""#,
        r#"image_version="0.3""#,
        r#"method="predict""#,
        r#"model_image="registry:5000/plain""#,
        r#"model_name="unit-1""#,
        r#"model_version="0.3""#,
        r#"predictor_name="predictor-1""#,
        r#"predictor_version="v2""#,
        r#"seldon_deployment_name="deployment-1""#,
    ]
    .join(",");
    for expected in [
        "# TYPE run_total counter".to_owned(),
        "# TYPE took histogram".to_owned(),
        "# TYPE level gauge".to_owned(),
        format!("run_total{{colour=\"red\",{identity},worker_id=\"0\"}} 2.0"),
        format!("run_total{{{identity},size=\"big \\\"1\\\"\",worker_id=\"1\"}} 1.0"),
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected} in {text}"
        );
    }
    let [rest, grpc] = ["0", "1"].map(|worker| ("worker_id", worker));
    let at = |method, worker| value(&text, "level", &[("method", method), worker]);
    assert_eq!((at("predict", rest), at("feedback", grpc)), (0.5, 0.5));
    assert_eq!(value(&text, "took_count", &[rest]), 2.0);
    assert!((value(&text, "took_sum", &[rest]) - 0.0404).abs() < 1e-9);
    let below = |bound| value(&text, "took_bucket", &[rest, ("le", bound)]);
    assert_eq!(
        (below("0.019018554321561593"), below("0.02347185009632733")),
        (0.0, 2.0)
    );
    for (worker, count, rewards) in [(rest, 3.0, 7.25), (grpc, 1.0, 2.0)] {
        let labels = [("method", "feedback"), worker];
        let of = |name| value(&text, name, &labels);
        assert_eq!(of("seldon_api_model_feedback_total"), count);
        assert_eq!(of("seldon_api_model_feedback_reward_total"), rewards);
    }
    // A name that Prometheus refuses does not spoil the scrape.
    assert!(!text.contains("no-name"));
    let dropped = [("reason", "name")];
    assert_eq!(
        value(&text, "streeling_metrics_dropped_total", &dropped),
        3.0
    );
    server.wait_for_log("no-name");
    let elsewhere = Request::get("/metrics").send(server.metrics_address(), TIMEOUT);
    assert_eq!(elsewhere.unwrap().status, 404);
}

#[test]
fn metrics_of_raw_messages() {
    let server = metered("Raw").start().unwrap();
    predicted(&server);
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    assert_eq!(rewarded(&server, 1.5), 200);
    let text = scrape(&server);
    let of = |method, worker| {
        value(
            &text,
            "raw_total",
            &[("method", method), ("worker_id", worker)],
        )
    };
    assert_eq!((of("predict", "0"), of("predict", "1")), (2.0, 2.0));
    assert_eq!(of("feedback", "0"), 1.0);
    let unknown = [("model_name", "NOT_IMPLEMENTED"), ("worker_id", "0")];
    let rewards = value(&text, "seldon_api_model_feedback_reward_total", &unknown);
    assert_eq!(rewards, 1.5);
}

#[test]
fn recycled_workers_add_no_series() {
    let server = metered("Plain")
        .args(["--max-requests", "1"])
        .start()
        .unwrap();
    predicted(&server);
    let before = scrape(&server).lines().count();
    let mut workers = BTreeSet::new();
    let mut calls = 1.0;
    eventually("a fifth worker", || {
        let body = predicted(&server);
        calls += 1.0;
        workers.insert(body["jsonData"]["pid"].as_u64().unwrap());
        workers.len() == 5
    });
    let text = scrape(&server);
    assert_eq!(text.lines().count(), before, "{text}");
    assert_eq!(value(&text, "took_count", &[("worker_id", "0")]), calls);
}

#[test]
fn scrapes_do_not_wait_for_workers() {
    let server = metered("Plain").args(["--threads", "1"]).start().unwrap();
    predicted(&server);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| send_json(&server, &held(&gate)).0);
        server.wait_for_log("waits");
        assert_eq!(value(&scrape(&server), "took_count", &[]), 1.0);
        gate.open();
        assert_eq!(call.join().unwrap(), 200);
    });
    assert_eq!(value(&scrape(&server), "took_count", &[]), 2.0);
}
