//! The server's own metrics, as Prometheus scrapes them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use streeling_testkit::{Request, Server, Signal};

use crate::grpc_client::{predict, tensor};
use crate::metrics::{metered, scrape, scrape_as, value};
use crate::processes::children;
use crate::support::{TIMEOUT, command, eventually, perform, scripted, send_json, step, worker};

/// A metric of the pool that serves REST, by its kind where it has several.
fn of_pool(server: &Server, name: &str, reason: Option<&str>) -> f64 {
    let mut labels = vec![("pool", "rest")];
    labels.extend(reason.map(|reason| ("reason", reason)));
    value(&scrape(server), &format!("streeling_{name}"), &labels)
}

fn replaced(server: &Server, why: &str) -> f64 {
    of_pool(server, "worker_replacements_total", Some(why))
}

#[test]
fn requests_by_transport_method_and_code() {
    let server = command("Scripted")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .start()
        .unwrap();
    perform(&server, "sleep", &json!({"seconds": 0.5}));
    perform(&server, "pid", &json!({}));
    send_json(&server, &step("fail", &json!({"text": "as scripted"})));
    let sent = step("pid", &json!({})).body.unwrap().len() as f64;
    server.send(&Request::get("/health/status")).unwrap();
    server.send(&Request::get("/nowhere")).unwrap();
    for _ in 0..3 {
        predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    }
    let text = scrape(&server);
    for (transport, method, code, count) in [
        ("rest", "predict", "200", 2.0),
        ("rest", "predict", "500", 1.0),
        ("rest", "health", "200", 1.0),
        ("rest", "none", "404", 1.0),
        ("grpc", "predict", "OK", 3.0),
    ] {
        let labels = [("transport", transport), ("method", method), ("code", code)];
        for name in ["requests_total", "request_seconds_count"] {
            let name = format!("streeling_{name}");
            assert_eq!(value(&text, &name, &labels), count, "{name} {labels:?}");
        }
    }
    let rest = [("transport", "rest"), ("method", "predict")];
    let of = |name: &str| value(&text, &format!("streeling_{name}"), &rest);
    assert_eq!(
        (of("queue_seconds_count"), of("component_seconds_count")),
        (3.0, 3.0)
    );
    // The time that the component slept counts as the component's alone.
    assert!(of("component_seconds_sum") >= 0.5, "{text}");
    let labels = [
        ("transport", "rest"),
        ("method", "predict"),
        ("code", "200"),
    ];
    let total = value(&text, "streeling_request_seconds_sum", &labels);
    assert!(of("server_seconds_sum") < total - 0.25, "{text}");
    assert!(
        of("request_bytes_sum") > 2.0 * sent && of("response_bytes_sum") > 50.0,
        "{text}"
    );
    for transport in ["rest", "grpc"] {
        let labels = [("transport", transport)];
        assert_eq!(value(&text, "streeling_requests_in_flight", &labels), 0.0);
    }
    assert!(
        text.lines().any(|line| line == "streeling_ready 1.0"),
        "{text}"
    );
}

#[test]
fn waiting_and_busy_while_it_is_so() {
    let server = scripted(&["--threads", "2"]);
    assert_eq!(of_pool(&server, "threads", None), 2.0);
    // The gauge of requests in flight is there from the first request on.
    perform(&server, "pid", &json!({}));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| perform(&server, "sleep", &json!({"seconds": 1.0})));
        }
        eventually("a full house", || {
            let text = scrape(&server);
            let pool = [("pool", "rest")];
            let [busy, queued, under_way] = ["threads_busy", "queue_length", "worker_requests"]
                .map(|name| value(&text, &format!("streeling_{name}"), &pool));
            let rest = [("transport", "rest")];
            let in_flight = value(&text, "streeling_requests_in_flight", &rest);
            (busy, queued, under_way, in_flight) == (2.0, 3.0, 2.0, 5.0)
        });
    });
    assert_eq!(of_pool(&server, "threads_busy", None), 0.0);
    let waited = [("transport", "rest"), ("method", "predict")];
    // Two waited for one turn, one for two.
    let waited = value(&scrape(&server), "streeling_queue_seconds_sum", &waited);
    assert!((3.5..20.0).contains(&waited), "{waited}");
}

#[test]
fn time_of_who_is_late_or_leaves_is_the_component_s() {
    let server = scripted(&["--threads", "1", "--timeout-ms", "1500"]);
    // This one leaves the worker asleep, so that the next one waits for it first.
    let left = step("sleep", &json!({"seconds": 1.0}));
    let left = left.send(server.address(), Duration::from_millis(500));
    assert!(left.is_err(), "{left:?}");
    let (status, _) = send_json(&server, &step("sleep", &json!({"seconds": 4.0})));
    assert_eq!(status, 504);
    let text = scrape(&server);
    for code in ["499", "504"] {
        let labels = [("code", code), ("method", "predict")];
        assert_eq!(value(&text, "streeling_requests_total", &labels), 1.0);
    }
    let sum = |name: &str| {
        let labels = [("transport", "rest"), ("method", "predict")];
        value(&text, &format!("streeling_{name}_seconds_sum"), &labels)
    };
    assert!((0.2..1.0).contains(&sum("queue")), "{text}");
    assert!((1.0..3.0).contains(&sum("component")), "{text}");
    assert!(sum("server") < 0.2, "{text}");
}

/// The numbers of a pool's worker slots.
fn slots(server: &Server, pool: &str) -> BTreeSet<usize> {
    let start = format!("streeling_worker_load_seconds{{pool=\"{pool}\",worker_id=\"");
    let text = scrape(server);
    let of_pool = text.lines().filter_map(|line| line.strip_prefix(&start));
    of_pool
        .map(|rest| rest.split_once('"').unwrap().0.parse().unwrap())
        .collect()
}

#[test]
fn no_two_slots_have_the_same_number() {
    let server = metered("Plain").args(["--threads", "1"]).start().unwrap();
    let be_so_many = |signal, count| {
        server.signal(signal).unwrap();
        eventually("the desired workers", || {
            // Until the last of those that are removed has ended.
            children(server.pid()).len() == 2 * count
                && ["rest", "grpc"].map(|pool| slots(&server, pool).len()) == [count; 2]
        });
        ["rest", "grpc"].map(|pool| slots(&server, pool))
    };
    let first = [[0].into(), [1].into()];
    assert_eq!(["rest", "grpc"].map(|pool| slots(&server, pool)), first);
    assert_eq!(be_so_many(Signal::TTIN, 2), [[0, 2].into(), [1, 3].into()]);
    assert_eq!(be_so_many(Signal::TTOU, 1), first);
    let [rest, grpc] = be_so_many(Signal::TTIN, 2);
    assert!(rest.is_disjoint(&grpc), "{rest:?} {grpc:?}");
    // The components' metrics are of one worker each: both of REST are called, and one other.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let body = json!({"jsonData": {"wait": 1}}).to_string();
            scope.spawn(|| send_json(&server, &Request::json("/predict", body)));
        }
    });
    for _ in 0..3 {
        predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    }
    let text = scrape(&server);
    for (slots, counts) in [(rest, vec!["1", "1"]), (grpc, vec!["3"])] {
        let found = text.lines().filter_map(|line| {
            let (labels, count) = line.strip_prefix("took_count{")?.split_once("} ")?;
            let mut slots = slots.iter();
            let of = |slot: &usize| labels.contains(&format!("worker_id=\"{slot}\""));
            slots.any(of).then_some(count)
        });
        assert_eq!(found.collect::<Vec<_>>(), counts, "{text}");
    }
}

#[test]
fn workers_that_come_and_go() {
    let server = scripted(&[]);
    let first = worker(&server);
    assert_eq!(of_pool(&server, "worker_starts_total", None), 1.0);
    let slot = [("worker_id", "0")];
    let load = value(&scrape(&server), "streeling_worker_load_seconds", &slot);
    assert!(load > 0.0);
    if cfg!(target_os = "linux") {
        let memory = value(
            &scrape(&server),
            "streeling_worker_resident_memory_bytes",
            &slot,
        );
        assert!(memory > 1e6, "{memory}");
    }
    let (status, _) = send_json(&server, &step("die", &json!({})));
    assert_eq!(status, 503);
    assert_ne!(worker(&server), first);
    assert_eq!(of_pool(&server, "worker_deaths_total", Some("signal")), 1.0);
    assert_eq!(replaced(&server, "lost"), 1.0);
    server.signal(Signal::HUP).unwrap();
    server.wait_for_log("all workers are reloaded");
    assert_eq!(replaced(&server, "reload"), 1.0);
    server.signal(Signal::TTIN).unwrap();
    eventually("a second worker", || {
        of_pool(&server, "workers", None) == 2.0
    });
    assert_eq!(of_pool(&server, "workers_wanted", None), 2.0);
    assert_eq!(of_pool(&server, "worker_starts_total", None), 4.0);
    server.signal(Signal::TTOU).unwrap();
    eventually("one worker", || of_pool(&server, "workers", None) == 1.0);
    assert_eq!(of_pool(&server, "worker_deaths_total", Some("exited")), 0.0);
}

/// seldon-core labels series with process ids, so that each recycled worker leaves its own behind.
#[test]
fn two_hundred_recycled_workers_add_nothing_to_a_scrape() {
    const RECYCLED: f64 = 200.0;

    let server = command("metered.Plain")
        // Without NumPy a worker starts in a third of the time.
        .env("STREELING_PYTHON", "python3")
        .args(["--workers", "4", "--threads", "1", "--max-requests", "2"])
        .start()
        .unwrap();
    let request = || {
        let response = server.send(&Request::json("/predict", r#"{"strData":"a"}"#));
        assert_eq!(response.unwrap().status, 200);
    };
    let recycled = || replaced(&server, "max_requests");
    // A worker of every slot has been called by then.
    while recycled() < 20.0 {
        request();
    }
    let before = scrape(&server);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while recycled() < 20.0 + RECYCLED {
                    (0..4).for_each(|_| request());
                }
            });
        }
    });
    let after = scrape(&server);
    assert_eq!(after.lines().count(), before.lines().count());
    // Only the numbers may have grown, by some digits.
    assert!(
        after.len() < before.len() + before.len() / 20,
        "{} {}",
        before.len(),
        after.len()
    );
    assert!(!after.contains("worker_id=\"4\""), "{after}");
}

#[test]
fn open_metrics_for_clients_that_accept_it() {
    let server = scripted(&[]);
    perform(&server, "pid", &json!({}));
    let (kind, text) = scrape_as(
        &server,
        "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
    );
    assert_eq!(
        kind,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        text.contains("\n# TYPE streeling_requests counter\n"),
        "{text}"
    );
    let (kind, text) = scrape_as(&server, "text/plain");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert!(
        text.contains("\n# TYPE streeling_requests_total counter\n"),
        "{text}"
    );
    let gone = Request::get("/metrics/").send(server.metrics_address(), TIMEOUT);
    assert_eq!(gone.unwrap().status, 404);
}
