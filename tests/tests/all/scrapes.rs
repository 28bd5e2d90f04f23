//! The server's metrics, as a real Prometheus and its tools read them.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use streeling_testkit::{Request, Server};

use crate::certificates::Authority;
use crate::grpc_client::{predict, tensor};
use crate::metrics::{metered, predicted, rewarded, scrape};
use crate::prometheus::{Prometheus, check_metrics, check_rules, test_rules};
use crate::support::{Gate, eventually, root, scripted};
use crate::tls;

#[test]
fn a_prometheus_reads_what_components_report() {
    let server = metered("Plain").start().unwrap();
    let prometheus = Prometheus::start(&[server.metrics_address()], "/metrics");
    // A rate is the growth of a series that is there already.
    predicted(&server);
    let red = "sum(run_total{colour=\"red\", worker_id=\"0\"})";
    prometheus.wait_for(red, |value| value == 1.0);
    for _ in 0..9 {
        predicted(&server);
    }
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    prometheus.wait_for(red, |value| value == 10.0);
    prometheus.wait_for("sum(run_total{colour=\"red\"})", |value| value == 11.0);
    let over_grpc = prometheus.query("run_total{colour=\"red\", worker_id=\"1\"}");
    assert_eq!(over_grpc[0].metric["method"], "predict");
    let quoted = "sum(run_total{size=\"big \\\"1\\\"\"})";
    prometheus.wait_for(quoted, |value| value == 11.0);
    prometheus.wait_for("sum(rate(run_total{colour=\"red\"}[1m]))", |rate| {
        rate > 0.0
    });
    // The component reports 20.2 ms every time.
    let median = "histogram_quantile(0.5, sum by (le) (rate(took_bucket{worker_id=\"0\"}[1m])))";
    prometheus.wait_for(median, |seconds| (0.019..0.0235).contains(&seconds));
    let mean = "sum(took_sum) / sum(took_count)";
    prometheus.wait_for(mean, |seconds| (seconds - 0.0202).abs() < 1e-9);
    let kinds = ["run", "took", "level"].map(|name| prometheus.kind(name));
    assert_eq!(kinds, ["counter", "histogram", "gauge"]);
    assert_eq!(rewarded(&server, 0.5), 200);
    let rewards = "sum(seldon_api_model_feedback_reward_total)";
    prometheus.wait_for(rewards, |value| value == 0.5);
}

/// Traced, so that every metric is there; the spans are not accepted.
fn traced() -> Server {
    let server = metered("Plain")
        .env("TRACING", "1")
        .env("JAEGER_AGENT_HOST", "127.0.0.1")
        .env("JAEGER_AGENT_PORT", "9");
    server.start().unwrap()
}

#[test]
fn a_prometheus_reads_what_the_server_counts() {
    let server = traced();
    let prometheus = Prometheus::start(&[server.metrics_address()], "/metrics");
    let mut request = Request::json("/predict", r#"{"strData":"a"}"#);
    let context = ("uber-trace-id".to_owned(), "abc:def:0:1".to_owned());
    request.headers.push(context);
    let since = Instant::now();
    for _ in 0..5 {
        assert_eq!(server.send(&request).unwrap().status, 200);
    }
    let took = since.elapsed().as_secs_f64();
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    server.send(&Request::get("/nowhere")).unwrap();
    for (labels, count) in [
        (r#"transport="rest", method="predict", code="200""#, 5.0),
        (r#"transport="rest", method="none", code="404""#, 1.0),
        (r#"transport="grpc", method="predict", code="OK""#, 1.0),
    ] {
        let requests = format!("streeling_requests_total{{{labels}}}");
        prometheus.wait_for(&requests, |value| value == count);
    }
    let rest = r#"transport="rest", method="predict""#;
    let mean = format!(
        "streeling_component_seconds_sum{{{rest}}} / streeling_component_seconds_count{{{rest}}}"
    );
    let inside = prometheus.wait_for(&mean, |seconds| seconds > 0.0);
    let whole = format!("sum(streeling_request_seconds_sum{{{rest}}})");
    let whole = prometheus.wait_for(&whole, |seconds| seconds > 5.0 * inside);
    assert!(whole < took, "{whole} of {took}");
    prometheus.wait_for("sum(streeling_workers)", |workers| workers == 2.0);
    assert_eq!(prometheus.kind("streeling_request_seconds"), "histogram");
    // A bucket leads to a trace.
    let buckets = format!("streeling_request_seconds_bucket{{{rest}}}");
    eventually("an exemplar", || !prometheus.exemplars(&buckets).is_empty());
    let exemplars = prometheus.exemplars(&buckets);
    for exemplar in exemplars {
        assert_eq!(exemplar["labels"]["trace_id"], format!("{:032x}", 0xabc));
    }
}

/// All expressions of the dashboard, with every variable set to everything, and of the rules.
fn expressions() -> Vec<String> {
    fn gather(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if name == "expr" => found.push(text.clone()),
                        other => gather(other, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            _ => {}
        }
    }
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/streeling.json")).unwrap();
    let rules: Value =
        serde_yaml_ng::from_str(&read("deploy/prometheus/streeling.rules.yml")).unwrap();
    let mut found = Vec::new();
    gather(&dashboard, &mut found);
    gather(&rules, &mut found);
    found
        .into_iter()
        .map(|expression| {
            expression
                .replace("$__rate_interval", "1m")
                .replace("$job", ".*")
                .replace("$instance", ".*")
        })
        .collect()
}

#[test]
fn dashboard_and_rules_query_metrics_that_exist() {
    let server = traced();
    predicted(&server);
    assert_eq!(rewarded(&server, 0.5), 200);
    // TLS has metrics where it is on.
    let authority = Authority::new();
    let with_tls = tls::serve(&authority.pair("server"), &[]);
    let scrape = [scrape(&server), scrape(&with_tls)].concat();
    let scraped: BTreeSet<&str> = scrape
        .lines()
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let prometheus = Prometheus::start(&[server.metrics_address()], "/metrics");
    let expressions = expressions();
    assert!(expressions.len() > 50, "{}", expressions.len());
    let mut named = BTreeSet::new();
    for expression in &expressions {
        // A malformed one fails the test.
        prometheus.query(expression);
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
        let ours = ["streeling_", "seldon_", "process_"];
        named.extend(words.filter(|word| ours.iter().any(|start| word.starts_with(start))));
    }
    // Metrics of a worker's process are there where the system has them.
    let unknown: Vec<_> = named.difference(&scraped).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {scrape}");
    // No metric of the server's own is left out of the dashboard.
    let mut own: BTreeSet<&str> = scraped
        .into_iter()
        .filter(|name| name.starts_with("streeling_"))
        .collect();
    for without_a_panel in [
        "streeling_worker_start_time_seconds",
        "streeling_worker_requests",
    ] {
        own.remove(without_a_panel);
    }
    let ends = ["_bucket", "_count", "_sum"];
    let family = |name: &&str| {
        let end = ends.iter().find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    };
    let named: BTreeSet<String> = named.iter().map(family).collect();
    let own: BTreeSet<String> = own.iter().map(family).collect();
    let forgotten: Vec<_> = own.difference(&named).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

#[test]
fn autoscaler_has_a_metric_that_is_scraped() {
    let read = |path: &str| -> Value {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        serde_yaml_ng::from_str(&text).unwrap()
    };
    let rules = read("deploy/prometheus/adapter.yml");
    let [rule] = &rules["rules"].as_array().unwrap()[..] else {
        panic!("one rule is tested, not {rules}");
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let autoscaler = read("deploy/kubernetes/hpa.yaml");
    let metric = &autoscaler["spec"]["metrics"][0]["pods"]["metric"]["name"];
    assert_eq!(*metric, rule["name"]["as"]);
    // The adapter renames what the first names, if the second matches it.
    let query = text(&rule["seriesQuery"]);
    let (series, labels) = query.split_once('{').unwrap();
    assert_eq!(labels, r#"namespace!="",pod!=""}"#);
    assert_eq!(text(&rule["name"]["matches"]), format!("^{series}$"));

    let server = &scripted(&[]);
    let prometheus = Prometheus::start(&[server.metrics_address()], "/metrics");
    // What the adapter puts in; a pod is an instance here.
    let query = text(&rule["metricsQuery"])
        .replace("<<.GroupBy>>", "instance")
        .replace("<<.Series>>", series)
        .replace("<<.LabelMatchers>>", r#"instance!="""#);
    assert!(!query.contains("<<"), "{query}");
    prometheus.wait_for(&query, |waiting| waiting == 0.0);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let threads = 10;
        for number in 0..threads + 3 {
            let request = gate.hold(number);
            scope.spawn(move || server.send(&request).unwrap());
        }
        prometheus.wait_for(&query, |waiting| waiting > 0.0 && waiting <= 3.0);
        gate.open();
    });
}

#[test]
fn nothing_is_to_be_said_against_a_scrape() {
    let quiet = scripted(&[]);
    assert_eq!(check_metrics(&scrape(&quiet)), "");
    // promtool has no objection to the component's names either.
    let server = metered("Plain").start().unwrap();
    predicted(&server);
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    assert_eq!(rewarded(&server, 0.5), 200);
    let text = scrape(&server);
    assert_eq!(check_metrics(&text), "", "{text}");
}

#[test]
fn the_rules_for_operators_pass_their_tests() {
    let folder = root().join("deploy/prometheus");
    let (good, said) = check_rules(&folder.join("streeling.rules.yml"));
    assert!(good, "{said}");
    let (good, said) = test_rules(&folder.join("streeling.test.yml"));
    assert!(good, "{said}");
}

#[test]
fn the_tools_do_judge() {
    let said = check_metrics(
        "# HELP wrong_ms Ends in milliseconds.\n# TYPE wrong_ms counter\nwrong_ms 1\n",
    );
    assert!(said.contains("_total"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    let rule = |expression: &str| {
        let text = format!(
            "groups:\n  \
             - name: ours\n    \
             rules:\n      \
             - record: run:rate1m\n        \
             expr: {expression}\n"
        );
        std::fs::write(&file, text).unwrap();
        check_rules(&file)
    };
    let (good, said) = rule("sum(rate(run_total[1m]))");
    assert!(good, "{said}");
    let (good, said) = rule("sum(rate(run_total))");
    assert!(!good, "{said}");
}
