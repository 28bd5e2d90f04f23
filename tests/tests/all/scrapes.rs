//! The server's metrics, as a real Prometheus and its tools read them.

use crate::grpc_client::{predict, tensor};
use crate::metrics::{metered, predicted, rewarded, scrape};
use crate::prometheus::{Prometheus, check_metrics, check_rules, test_rules};
use crate::support::{orders, root};

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

#[test]
fn nothing_is_to_be_said_against_a_scrape() {
    let quiet = orders(&[]);
    assert_eq!(check_metrics(&scrape(&quiet)), "");
    // Its component's names are such that nothing can be said against them either.
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
            "groups:\n  - name: ours\n    rules:\n      - record: run:rate1m\n        expr: {expression}\n"
        );
        std::fs::write(&file, text).unwrap();
        check_rules(&file)
    };
    let (good, said) = rule("sum(rate(run_total[1m]))");
    assert!(good, "{said}");
    let (good, said) = rule("sum(rate(run_total))");
    assert!(!good, "{said}");
}
