//! What the server counts and knows itself, in both formats.

use std::sync::Arc;
use std::time::Duration;

use streeling_core::{
    Answered, Call, Code, Figure, MetricKind, Observer as _, RequestId, Stage, Subject, Trace,
    Transport,
};

use super::{counter, metric, report};
use crate::text::Format;
use crate::{Identity, Registry, WorkerProcess};

static TEST: Transport = Transport {
    name: "test",
    abandoned: GONE,
};

const GONE: Code = Code::numbered(499);

const FINE: Code = Code {
    number: 0,
    name: Some("FINE"),
    is_fault: false,
};

fn text(registry: &Registry, format: Format) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let text = runtime.block_on(registry.text(format));
    String::from_utf8(text.to_vec()).unwrap()
}

/// A request for something, as long ago as that, of which so much was spent in queue and component.
fn call(label: &'static str, ago: Duration, parts: [u64; 2]) -> Call {
    let mut call = Call::new(&TEST, RequestId::made());
    call.begun -= ago;
    call.set_subject(Subject::new(label, label));
    call.set_received(300);
    let [queue, component] = parts.map(Duration::from_millis);
    let entered = call.begun + queue;
    call.note(Stage::Queue, call.begun, entered);
    call.note(Stage::Component, entered, entered + component);
    call
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} in {text}");
}

#[test]
fn requests_by_transport_method_and_code() {
    let registry = Registry::new(&Identity::default());
    for _ in 0..3 {
        registry.begun(&TEST, &|_| None);
    }
    let slow = call("predict", Duration::from_millis(600), [40, 200]);
    let answer = Answered {
        code: FINE,
        bytes: 2000,
    };
    registry.answered(&slow, &answer);
    let left = call("predict", Duration::ZERO, [0, 0]);
    let gone = Answered {
        code: GONE,
        bytes: 0,
    };
    registry.answered(&left, &gone);
    let text = text(&registry, Format::Prometheus);
    has(
        &text,
        r#"streeling_requests_in_flight{transport="test"} 1.0"#,
    );
    for (code, count) in [("FINE", 1), ("499", 1)] {
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
    let kind = r#"method="predict",transport="test""#;
    for (name, bound, below) in [
        ("queue_seconds", "0.025", 1),
        ("queue_seconds", "0.05", 2),
        ("component_seconds", "0.1", 1),
        ("component_seconds", "0.25", 2),
        // 600 ms without 40 and 200.
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
            &format!("streeling_{name}_bucket{{{kind},le=\"{bound}\"}} {below}"),
        );
    }
    has(
        &text,
        &format!("streeling_request_bytes_sum{{{kind}}} 600.0"),
    );
}

/// A component may answer any status that there is.
#[test]
fn codes_are_told_apart_as_far_as_there_is_room() {
    let registry = Registry::new(&Identity::default());
    for number in 200..600 {
        registry.begun(&TEST, &|_| None);
        let answer = Answered {
            code: Code::numbered(number),
            bytes: 0,
        };
        registry.answered(&call("predict", Duration::ZERO, [0, 0]), &answer);
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
fn figures_of_parts_and_processes() {
    let registry = Registry::new(&Identity::default());
    let figure = |name, labels, value| Figure {
        name,
        help: "Of a part.",
        labels,
        value,
    };
    registry.show(Arc::new(move |out| {
        out.push(figure(
            "streeling_test_total",
            vec![("why", "a\"b".into())],
            2.0,
        ));
        out.push(figure("streeling_test_length", Vec::new(), 0.5));
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
    registry.show_processes(Arc::new(processes));
    let plain = text(&registry, Format::Prometheus);
    has(&plain, "# TYPE streeling_test_total counter");
    has(&plain, r#"streeling_test_total{why="a\"b"} 2.0"#);
    has(&plain, "# TYPE streeling_test_length gauge");
    has(&plain, "streeling_test_length 0.5");
    let open = text(&registry, Format::OpenMetrics);
    has(&open, "# TYPE streeling_test counter");
    has(&open, "# HELP streeling_test Of a part.");
    has(&open, r#"streeling_test_total{why="a\"b"} 2.0"#);
    if cfg!(target_os = "linux") {
        for name in crate::process::OWN {
            assert!(plain.contains(&format!("\n{name} ")), "{name} in {plain}");
        }
        assert!(
            plain.contains("\nstreeling_worker_open_fds{worker_id=\"7\"} "),
            "{plain}"
        );
        // That process is not there.
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
    let mut sampled = call("predict", Duration::from_millis(70), [0, 0]);
    let trace = Trace {
        trace_id: 0xabc,
        parent: None,
        span: 1,
        component: 2,
        sampled: true,
    };
    let answer = Answered {
        code: FINE,
        bytes: 0,
    };
    sampled.trace = Some(trace);
    registry.answered(&sampled, &answer);
    let mut unsampled = call("predict", Duration::from_secs(2), [0, 0]);
    unsampled.trace = Some(Trace {
        sampled: false,
        ..trace
    });
    registry.answered(&unsampled, &answer);
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
    let start = r#"streeling_request_seconds_bucket{code="FINE",method="predict",transport="test",le="0.1"} 1 # {trace_id="00000000000000000000000000000abc"} 0.07"#;
    assert!(with[0].starts_with(start), "{with:?}");
    assert!(!text(&registry, Format::Prometheus).contains(" # {"));
}
