//! The server's own metrics, in both formats.

use std::sync::Arc;
use std::time::Duration;

use streeling_core::{
    Code, MetricKind, Observer as _, Operation, Outcome, RequestContext, RequestId, Sample, Stage,
    Trace, Transport,
};

use super::{counter, metric, report};
use crate::labels::Identity;
use crate::process::{self, WorkerProcess};
use crate::registry::Registry;
use crate::requests::MethodSummary;
use crate::text::Format;

static TEST: Transport = Transport {
    name: "test",
    abandoned: CLIENT_LEFT,
    id_headers: &[],
};

const CLIENT_LEFT: Code = Code::numbered(499);

const OK: Code = Code {
    number: 0,
    name: Some("OK"),
    is_fault: false,
};

fn text(registry: &Registry, format: Format) -> String {
    let text = registry.write(format);
    String::from_utf8(text.to_vec()).unwrap()
}

/// A prediction that started `ago`, and was in queue and component for this many milliseconds.
fn request(ago: Duration, stages: [u64; 2]) -> RequestContext {
    let mut request = RequestContext::new(&TEST, RequestId::made());
    request.started -= ago;
    request.set_operation(Operation::new("predict", "predict"));
    request.set_received(300);
    let [queue, component] = stages.map(Duration::from_millis);
    let entered = request.started + queue;
    request.record(Stage::Queue, request.started, entered);
    request.record(Stage::Component, entered, entered + component);
    request
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} in {text}");
}

#[test]
fn requests_by_method_are_those_of_all_codes() {
    let registry = Registry::new(&Identity::default());
    assert_eq!(registry.requests_by_method(), []);
    let other = |code| Outcome {
        code: Code::numbered(code),
        bytes: 0,
    };
    let ok = Outcome { code: OK, bytes: 0 };
    let mut took = 0;
    for (outcome, milliseconds) in [
        (ok, 600),
        (other(204), 3),
        (other(400), 3),
        (other(499), 40),
    ] {
        took += milliseconds;
        let request = request(Duration::from_millis(milliseconds), [0, 0]);
        registry.finished(&request, &outcome);
    }
    let mut route = RequestContext::new(&TEST, RequestId::made());
    route.started -= Duration::from_secs(1000);
    route.set_operation(Operation::new("router", "Route"));
    registry.finished(&route, &other(u16::MAX));

    // The second look is the same: reading takes nothing away.
    for all in [registry.requests_by_method(), registry.requests_by_method()] {
        let [predict, router] = &all[..] else {
            panic!("{all:?}");
        };
        assert_eq!((predict.transport, predict.method), ("test", "predict"));
        assert_eq!((predict.count, predict.errors), (4, 2));
        let beyond = predict.seconds - took as f64 / 1e3;
        assert!((0.0..30.0).contains(&beyond), "{}", predict.seconds);
        let at_most = |seconds: f64| {
            let bounds = MethodSummary::BOUNDS.iter();
            let at = bounds
                .zip(&predict.buckets)
                .find(|(bound, _)| **bound == seconds);
            *at.unwrap().1
        };
        assert_eq!((at_most(0.0025), at_most(120.0)), (0, 4));
        assert!(at_most(0.5) < 4);
        assert_eq!(
            (router.method, router.count, router.errors),
            ("router", 1, 1)
        );
        assert_eq!(router.buckets.last(), Some(&0));
    }
}

#[test]
fn requests_by_transport_method_and_code() {
    let registry = Registry::new(&Identity::default());
    for _ in 0..3 {
        registry.started(&TEST, &|_| None);
    }
    let slow = request(Duration::from_millis(600), [40, 200]);
    let outcome = Outcome {
        code: OK,
        bytes: 2000,
    };
    registry.finished(&slow, &outcome);
    let abandoned = request(Duration::ZERO, [0, 0]);
    let client_left = Outcome {
        code: CLIENT_LEFT,
        bytes: 0,
    };
    registry.finished(&abandoned, &client_left);
    let text = text(&registry, Format::Prometheus);
    has(
        &text,
        r#"streeling_requests_in_flight{transport="test"} 1.0"#,
    );
    for (code, count) in [("OK", 1), ("499", 1)] {
        let labels = format!(r#"code="{code}",method="predict",transport="test""#);
        has(
            &text,
            &format!("streeling_requests_total{{{labels}}} {count}.0"),
        );
        has(
            &text,
            &format!("streeling_request_seconds_count{{{labels}}} {count}"),
        );
    }
    let labels = r#"method="predict",transport="test""#;
    for (name, bound, below) in [
        ("queue_seconds", "0.025", 1),
        ("queue_seconds", "0.05", 2),
        ("component_seconds", "0.1", 1),
        ("component_seconds", "0.25", 2),
        // 600 ms less 40 and 200.
        ("server_seconds", "0.25", 1),
        ("server_seconds", "0.5", 2),
        ("request_bytes", "256.0", 0),
        ("request_bytes", "1024.0", 2),
        ("response_bytes", "1024.0", 1),
        ("response_bytes", "4096.0", 2),
        ("response_bytes", "+Inf", 2),
    ] {
        has(
            &text,
            &format!("streeling_{name}_bucket{{{labels},le=\"{bound}\"}} {below}"),
        );
    }
    has(
        &text,
        &format!("streeling_request_bytes_sum{{{labels}}} 600.0"),
    );
}

/// A component may respond with any status.
#[test]
fn codes_beyond_the_limit_are_counted_together() {
    let registry = Registry::new(&Identity::default());
    for number in 200..600 {
        registry.started(&TEST, &|_| None);
        let outcome = Outcome {
            code: Code::numbered(number),
            bytes: 0,
        };
        registry.finished(&request(Duration::ZERO, [0, 0]), &outcome);
    }
    let text = text(&registry, Format::Prometheus);
    let start = "streeling_requests_total{";
    let codes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix(start))
        .collect();
    assert_eq!(codes.len(), 257);
    has(
        &text,
        r#"streeling_requests_total{code="other",method="predict",transport="test"} 144.0"#,
    );
}

#[test]
fn samples_of_sources_and_processes() {
    let registry = Registry::new(&Identity::default());
    let sample = |name, labels, value| Sample {
        name,
        help: "Of a source.",
        labels,
        value,
    };
    registry.add_source(Arc::new(move |out| {
        out.push(sample(
            "streeling_test_total",
            vec![("why", "a\"b".into())],
            2.0,
        ));
        out.push(sample("streeling_test_length", Vec::new(), 0.5));
    }));
    let processes = || {
        let pid = std::process::id();
        vec![
            WorkerProcess { worker: 7, pid },
            WorkerProcess {
                worker: 8,
                pid: u32::MAX,
            },
        ]
    };
    registry.set_worker_processes(Arc::new(processes));
    let plain = text(&registry, Format::Prometheus);
    has(&plain, "# TYPE streeling_test_total counter");
    has(&plain, r#"streeling_test_total{why="a\"b"} 2.0"#);
    has(&plain, "# TYPE streeling_test_length gauge");
    has(&plain, "streeling_test_length 0.5");
    let open = text(&registry, Format::OpenMetrics);
    has(&open, "# TYPE streeling_test counter");
    has(&open, "# HELP streeling_test Of a source.");
    has(&open, r#"streeling_test_total{why="a\"b"} 2.0"#);
    if cfg!(target_os = "linux") {
        for name in process::NAMES {
            assert!(plain.contains(&format!("\n{name} ")), "{name} in {plain}");
        }
        assert!(
            plain.contains("\nstreeling_worker_open_fds{worker_id=\"7\"} "),
            "{plain}"
        );
        // That process does not exist.
        assert!(!plain.contains("worker_id=\"8\""), "{plain}");
    }
}

#[test]
fn open_metrics_has_exemplars_and_no_two_families_of_one_name() {
    let registry = Registry::new(&Identity::default());
    report(
        &registry,
        &[
            counter("calls", &[]),
            counter("both", &[]),
            metric(MetricKind::Gauge, "both", 1.0, &[]),
        ],
    );
    let mut sampled = request(Duration::from_millis(70), [0, 0]);
    let trace = Trace {
        trace_id: 0xabc,
        parent: None,
        span: 1,
        component: 2,
        sampled: true,
    };
    let outcome = Outcome { code: OK, bytes: 0 };
    sampled.trace = Some(trace);
    registry.finished(&sampled, &outcome);
    let mut unsampled = request(Duration::from_secs(2), [0, 0]);
    unsampled.trace = Some(Trace {
        sampled: false,
        ..trace
    });
    registry.finished(&unsampled, &outcome);
    let open = text(&registry, Format::OpenMetrics);
    assert!(open.ends_with("\n# EOF\n"));
    has(&open, "# TYPE calls counter");
    assert!(open.contains("\ncalls_total{"), "{open}");
    has(&open, "# TYPE both gauge");
    has(&open, "# TYPE both_total unknown");
    let mut names: Vec<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{open}");
    let with: Vec<&str> = open.lines().filter(|line| line.contains(" # {")).collect();
    assert_eq!(with.len(), 1, "{with:?}");
    let start = concat!(
        r#"streeling_request_seconds_bucket{code="OK",method="predict",transport="test","#,
        r#"le="0.1"} 1 # {trace_id="00000000000000000000000000000abc"} 0.07"#
    );
    assert!(with[0].starts_with(start), "{with:?}");
    assert!(!text(&registry, Format::Prometheus).contains(" # {"));
}
