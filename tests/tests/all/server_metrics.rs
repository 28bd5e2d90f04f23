//! The server's own metrics, as Prometheus scrapes them.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use streeling_testkit::{Request, Server, Signal};

use crate::grpc_client::{predict, tensor};
use crate::metrics::{held, metered, of_pool, scrape, scrape_as, value};
use crate::processes::workers;
use crate::support::{
    Gate, TIMEOUT, command, eventually, meanwhile, perform, scripted, send_json, step, worker,
};

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
    // The time that the component slept counts as the component's, and as no other part's.
    assert!(of("component_seconds_sum") >= 0.5, "{text}");
    assert_parts_add_up(&text, &["200", "500"]);
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

/// Every moment of the requests for predictions that ended with these codes counts as one part's:
/// queue, component or server.
fn assert_parts_add_up(text: &str, codes: &[&str]) {
    let rest = [("transport", "rest"), ("method", "predict")];
    let sum = |name: &str, labels: &[(&str, &str)]| {
        value(text, &format!("streeling_{name}_seconds_sum"), labels)
    };
    let parts = ["queue", "component", "server"].map(|part| sum(part, &rest));
    let whole = codes.iter().map(|code| {
        let labels = [&rest[..], &[("code", *code)]].concat();
        sum("request", &labels)
    });
    let (parts, whole): (f64, f64) = (parts.iter().sum(), whole.sum());
    assert!((parts - whole).abs() < 1e-6, "{parts} of {whole} in {text}");
}

#[test]
fn waiting_and_busy_while_it_is_so() {
    let server = scripted(&["--threads", "2"]);
    assert_eq!(of_pool(&server, "threads", None), 2.0);
    // The gauge of requests in flight is there from the first request on.
    perform(&server, "pid", &json!({}));
    let gate = Gate::closed();
    let since = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..5 {
            let (server, request) = (&server, gate.hold(number));
            scope.spawn(move || assert_eq!(send_json(server, &request).0, 200));
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
        sleep(HELD);
        gate.open();
    });
    let took = since.elapsed().as_secs_f64();
    assert_eq!(of_pool(&server, "threads_busy", None), 0.0);
    let waited = [("transport", "rest"), ("method", "predict")];
    // Three waited at least as long as the two were held.
    let waited = value(&scrape(&server), "streeling_queue_seconds_sum", &waited);
    let least = 3.0 * HELD.as_secs_f64();
    assert!(
        (least..5.0 * took).contains(&waited),
        "{waited} in {took} s"
    );
}

/// How long calls are held at least, so that it shows in sums.
const HELD: Duration = Duration::from_millis(300);

/// The time that requests for predictions have used in a part so far.
fn used(server: &Server, part: &str) -> f64 {
    let labels = [("transport", "rest"), ("method", "predict")];
    let name = format!("streeling_{part}_seconds_sum");
    value(&scrape(server), &name, &labels)
}

#[test]
fn time_of_who_leaves_is_the_queue_s_and_the_component_s() {
    let server = scripted(&["--threads", "1"]);
    let held = HELD.as_secs_f64();
    let has_left = |count: &str| {
        let line = format!("code=\"499\",method=\"predict\",transport=\"rest\"}} {count}");
        eventually("the end of an abandoned request", || {
            scrape(&server).contains(&line)
        });
    };
    let first = Gate::closed();
    let client = first.hold(1).begin(server.address(), TIMEOUT).unwrap();
    server.wait_for_log("held with 1");
    sleep(HELD);
    drop(client);
    has_left("1.0");
    let of_first = used(&server, "component");
    assert!(of_first >= held, "{of_first}");

    // The thread is still held, so that the next one waits for it before it is held, too.
    let queued = used(&server, "queue");
    let second = Gate::closed();
    let client = second.hold(2).begin(server.address(), TIMEOUT).unwrap();
    eventually("a request in the queue", || {
        of_pool(&server, "queue_length", None) == 1.0
    });
    sleep(HELD);
    first.open();
    server.wait_for_log("held with 2");
    sleep(HELD);
    drop(client);
    has_left("2.0");
    let of_second = used(&server, "component") - of_first;
    assert!(of_second >= held, "{of_second}");
    let queued = used(&server, "queue") - queued;
    assert!(queued >= held, "{queued}");
    assert_parts_add_up(&scrape(&server), &["499"]);
}

#[test]
fn time_of_who_is_late_is_the_component_s() {
    const TIMEOUT_MS: &str = "1500";

    let server = scripted(&["--threads", "1", "--timeout-ms", TIMEOUT_MS]);
    let gate = Gate::closed();
    let mut component = 0.0;
    // On a machine that is slow enough the time is over before the first is in the component.
    for number in 1.. {
        assert!(number < 20, "none was in the component");
        let sent = Instant::now();
        let mut held = None;
        std::thread::scope(|scope| {
            let call = scope.spawn(|| send_json(&server, &gate.hold(number)).0);
            eventually("the component or the end", || {
                let line = format!("held with {number}");
                let is_held = server.log().contains(&line);
                held = is_held.then(|| sent.elapsed().as_secs_f64());
                held.is_some() || call.is_finished()
            });
            assert_eq!(call.join().unwrap(), 504);
        });
        let used = used(&server, "component");
        if let Some(held) = held {
            let least = 1.5 - held;
            assert!(used - component >= least, "{used} {component} {least}");
            break;
        }
        component = used;
    }
    assert_parts_add_up(&scrape(&server), &["504"]);
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
            workers(server.pid()).len() == 2 * count
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
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(send_json(&server, &held(&gate)).0, 200));
        }
        eventually("both workers at work", || {
            of_pool(&server, "threads_busy", None) == 2.0
        });
        gate.open();
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
    meanwhile(1, request, || {
        eventually("twenty recycled workers", || recycled() >= 20.0);
    });
    let before = scrape(&server);
    meanwhile(4, request, || {
        for more in 1..=10 {
            let count = 20.0 + RECYCLED * f64::from(more) / 10.0;
            eventually("a tenth of the rest", || recycled() >= count);
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
