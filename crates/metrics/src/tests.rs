//! The registry, by the text of its scrapes.

mod server;

use streeling_core::{Method, Metric, MetricKind, Number, Observer as _, Table};

use crate::labels::Identity;
use crate::registry::Registry;
use crate::store::{DROPPED, MAX_SAMPLES, SAMPLES_PER_TIMER};
use crate::text::Format;

fn metric(kind: MetricKind, key: &str, value: f64, tags: &[(&str, &str)]) -> Metric {
    let tags: Table<String> = tags
        .iter()
        .map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()))
        .collect();
    Metric {
        key: key.to_owned(),
        kind,
        value: Number::Float(value),
        tags: (!tags.is_empty()).then_some(tags),
    }
}

fn counter(key: &str, tags: &[(&str, &str)]) -> Metric {
    metric(MetricKind::Counter, key, 1.0, tags)
}

fn report(registry: &Registry, metrics: &[Metric]) {
    registry.reported(Method::Predict, Some(3), metrics);
}

/// The lines of what components reported, without the labels of the identity.
fn lines(registry: &Registry) -> Vec<String> {
    let text = registry.write(Format::Prometheus);
    let text = str::from_utf8(&text).unwrap();
    assert!(text.ends_with('\n'));
    let last = "streeling_metrics_dropped_total{reason=\"limit\"} ";
    let lines = text.lines().collect::<Vec<_>>();
    let end = lines.iter().position(|line| line.starts_with(last));
    let text = lines[..=end.unwrap()].join("\n");
    let unknown = [
        "deployment_name",
        "image_name",
        "image_version",
        "model_image",
        "model_name",
        "model_version",
        "predictor_name",
        "predictor_version",
        "seldon_deployment_name",
    ]
    .map(|name| format!("{name}=\"NOT_IMPLEMENTED\""));
    text.lines()
        .map(|line| match line.split_once('{') {
            Some((name, rest)) if name != DROPPED => {
                let (labels, value) = rest.rsplit_once("} ").unwrap();
                let mut labels: Vec<&str> = labels.split(',').collect();
                for label in &unknown {
                    let index = labels.iter().position(|found| found == label);
                    labels.remove(index.unwrap_or_else(|| panic!("no {label} in {line}")));
                }
                format!("{name}{{{}}} {value}", labels.join(","))
            }
            _ => line.to_owned(),
        })
        .collect()
}

fn dropped(lines: &[String], reason: &str) -> u64 {
    let start = format!("streeling_metrics_dropped_total{{reason=\"{reason}\"}} ");
    let found = lines.iter().find_map(|line| line.strip_prefix(&start));
    found.unwrap().parse().unwrap()
}

#[test]
fn one_name_with_tags_that_differ_from_call_to_call() {
    let registry = Registry::new(&Identity::default());
    report(&registry, &[counter("calls", &[]), counter("calls", &[])]);
    report(&registry, &[counter("calls", &[("b", "2"), ("a", "1")])]);
    report(&registry, &[counter("calls", &[("a", "1"), ("b", "2")])]);
    report(
        &registry,
        &[
            metric(MetricKind::Gauge, "level", 0.5, &[]),
            metric(MetricKind::Gauge, "level", f64::NEG_INFINITY, &[]),
        ],
    );
    registry.reported(Method::Route, None, &[counter("calls_total", &[])]);
    let lines = lines(&registry);
    let expected = [
        "# HELP calls_total Reported by the component.",
        "# TYPE calls_total counter",
        r#"calls_total{method="predict",worker_id="3"} 2.0"#,
        r#"calls_total{a="1",b="2",method="predict",worker_id="3"} 2.0"#,
        r#"calls_total{method="router",worker_id="0"} 1.0"#,
        "# HELP level Reported by the component.",
        "# TYPE level gauge",
        r#"level{method="predict",worker_id="3"} -Inf"#,
    ];
    assert_eq!(lines[..expected.len()], expected);
    assert_eq!(lines.len(), expected.len() + 6, "{lines:#?}");
}

#[test]
fn timers_are_histograms_of_seconds() {
    let registry = Registry::new(&Identity::default());
    for milliseconds in [0.5, 20.2, 1e6] {
        report(
            &registry,
            &[metric(MetricKind::Timer, "took", milliseconds, &[])],
        );
    }
    let lines = lines(&registry);
    assert_eq!(lines[1], "# TYPE took histogram");
    let labels = r#"method="predict",worker_id="3""#;
    assert_eq!(lines[2], format!(r#"took_bucket{{{labels},le="0.001"}} 1"#));
    let buckets: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("took_bucket"))
        .collect();
    assert_eq!(buckets.len(), 51);
    assert!(buckets[49].ends_with(r#"le="29.999999999999996"} 2"#));
    assert!(buckets[50].ends_with(r#"le="+Inf"} 3"#));
    assert_eq!(lines[53], format!("took_sum{{{labels}}} 1000.0207"));
    assert_eq!(lines[54], format!("took_count{{{labels}}} 3"));
}

#[test]
fn identity_comes_before_tags_and_values_are_escaped() {
    let registry = Registry::new(&Identity {
        deployment: Some("d".to_owned()),
        unit: Some("u".to_owned()),
        image: Some("reg:5000/i:2".to_owned()),
        predictor: Some("p\"\\\n".to_owned()),
        predictor_version: Some("v".to_owned()),
    });
    let tags = [
        ("method", "own"),
        ("worker_id", "own"),
        ("model_name", "own"),
        ("z", "ä"),
    ];
    report(&registry, &[counter("calls", &tags)]);
    // Its tags differ only in those that labels of the server hide.
    report(&registry, &[counter("calls", &[("z", "ä")])]);
    let text = registry.write(Format::Prometheus);
    let expected = concat!(
        r#"calls_total{deployment_name="d",image_name="reg:5000/i",image_version="2","#,
        r#"method="predict",model_image="reg:5000/i",model_name="u",model_version="2","#,
        r#"predictor_name="p\"\\\n",predictor_version="v",seldon_deployment_name="d","#,
        r#"worker_id="3",z="ä"} 2.0"#
    );
    let text = str::from_utf8(&text).unwrap();
    assert_eq!(text.lines().nth(2), Some(expected));
}

#[test]
fn values_that_would_spoil_a_scrape_are_dropped_and_counted() {
    let registry = Registry::new(&Identity::default());
    let gauge = |key, tags| metric(MetricKind::Gauge, key, 1.0, tags);
    let timer = |key, tags| metric(MetricKind::Timer, key, 1.0, tags);
    report(
        &registry,
        &[
            gauge("bad-name", &[]),
            gauge("", &[]),
            gauge("good", &[("bad-tag", "1")]),
            timer("good", &[("le", "1")]),
        ],
    );
    report(&registry, &[counter("a", &[]), timer("t", &[])]);
    report(
        &registry,
        &[
            gauge("a_total", &[]),
            gauge("t_sum", &[]),
            gauge("t", &[]),
            gauge("streeling_metrics_dropped_total", &[]),
            gauge("process_open_fds", &[]),
            gauge("process_cpu_seconds", &[]),
        ],
    );
    report(
        &registry,
        &[
            metric(MetricKind::Counter, "a", f64::NAN, &[]),
            metric(MetricKind::Timer, "t", f64::INFINITY, &[]),
        ],
    );
    let lines = lines(&registry);
    assert_eq!(dropped(&lines, "name"), 4);
    assert_eq!(dropped(&lines, "clash"), 6);
    assert_eq!(dropped(&lines, "value"), 2);
    assert_eq!(dropped(&lines, "limit"), 0);
    let types = lines.iter().filter(|line| line.starts_with("# TYPE"));
    assert_eq!(types.count(), 3, "{lines:#?}");
    assert!(lines.contains(&r#"a_total{method="predict",worker_id="3"} 1.0"#.to_owned()));
}

#[test]
fn series_are_bounded() {
    let registry = Registry::new(&Identity::default());
    report(&registry, &[metric(MetricKind::Timer, "took", 1.0, &[])]);
    let room = MAX_SAMPLES - SAMPLES_PER_TIMER;
    for number in 0..room + 10 {
        let value = number.to_string();
        report(&registry, &[counter("calls", &[("number", &value)])]);
    }
    // Series that exist are still updated.
    report(&registry, &[counter("calls", &[("number", "0")])]);
    let lines = lines(&registry);
    assert_eq!(dropped(&lines, "limit"), 10);
    let samples = lines.iter().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples, MAX_SAMPLES + 4);
    let first = r#"calls_total{method="predict",number="0",worker_id="3"} 2.0"#;
    assert!(lines.iter().any(|line| line == first));
}

#[test]
fn long_labels_are_bounded_too() {
    let registry = Registry::new(&Identity::default());
    for number in 0..40 {
        let value = number.to_string().repeat(1 << 19);
        report(&registry, &[counter("calls", &[("text", &value)])]);
    }
    let lines = lines(&registry);
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes < 17 << 20, "{bytes}");
    assert!(dropped(&lines, "limit") > 0);
}

#[test]
fn rewards() {
    let registry = Registry::new(&Identity::default());
    registry.rewarded(Some(1), 0.5);
    registry.rewarded(Some(1), -0.25);
    let lines = lines(&registry);
    let labels = r#"{method="feedback",worker_id="1"}"#;
    assert_eq!(
        lines[2],
        format!("seldon_api_model_feedback_reward_total{labels} 0.25")
    );
    assert_eq!(
        lines[5],
        format!("seldon_api_model_feedback_total{labels} 2.0")
    );
}
