//! The page at `/`: who gets it, and the numbers that it shows.

use serde_json::{Value, json};
use streeling_testkit::{Request, Response, Server};

use crate::support::{command, echo, eventually, root, scripted, send_json, step};

/// As browsers send it.
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    request.headers.extend(headers);
    server.send(&request).unwrap()
}

fn in_browser(server: &Server) -> Response {
    open(server, "/", &[("accept", HTML)])
}

fn is_page(response: &Response) -> bool {
    response.headers.contains_key("content-security-policy")
}

/// What a client gets where there is no page.
#[track_caller]
fn is_missing(response: &Response) {
    assert_eq!(response.status, 404);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["status"]["reason"], "MICROSERVICE_NOT_FOUND");
}

fn state(server: &Server) -> Value {
    let (status, state) = send_json(server, &Request::get("/streeling-page/state"));
    assert_eq!(status, 200, "{state}");
    state
}

#[test]
fn browsers_get_a_page_and_its_files() {
    let server = echo().start().unwrap();
    let page = in_browser(&server);
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = &page.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for name in ["page.css", "page.js", "body.js", "numbers.js", "icon.svg"] {
        let file = open(&server, &format!("/streeling-page/{name}"), &[]);
        assert_eq!((file.status, is_page(&file)), (200, true), "{name}");
        let source = root().join("crates/rest/src/page").join(name);
        assert!(file.body == std::fs::read(source).unwrap(), "{name}");
    }
    is_missing(&open(&server, "/", &[("accept", "*/*")]));
    is_missing(&open(&server, "/", &[]));
}

#[test]
fn there_is_none_if_it_is_switched_off() {
    for off in [
        echo().args(["--no-page"]),
        echo().env("STREELING_NO_PAGE", "true"),
    ] {
        let server = off.start().unwrap();
        is_missing(&in_browser(&server));
        is_missing(&open(&server, "/streeling-page/state", &[]));
        is_missing(&open(&server, "/streeling-page/page.js", &[]));
    }
    let server = echo().env("STREELING_NO_PAGE", "false").start().unwrap();
    assert!(is_page(&in_browser(&server)));
}

#[test]
fn a_port_of_health_alone_has_none() {
    let server = echo().args(["--workers", "0"]).start_health().unwrap();
    for response in [
        in_browser(&server),
        open(&server, "/streeling-page/state", &[]),
    ] {
        assert_eq!((response.status, is_page(&response)), (503, false));
    }
}

#[test]
fn a_components_own_page_comes_first() {
    let server = command("paged.Start").start().unwrap();
    for headers in [&[("accept", HTML)][..], &[]] {
        let page = open(&server, "/", headers);
        let body = String::from_utf8(page.body).unwrap();
        assert_eq!((page.status, &*body), (200, "the component's own"));
    }
    // The others are there, for it may refer to them.
    assert_eq!(state(&server)["interface"], "paged.Start");
}

#[test]
fn the_state_needs_the_token_that_calls_need() {
    let server = echo()
        .env("STREELING_AUTH_TOKEN", "s3cret")
        .start()
        .unwrap();
    assert!(is_page(&in_browser(&server)));
    let path = "/streeling-page/state";
    assert_eq!(open(&server, path, &[]).status, 401);
    let wrong = open(&server, path, &[("authorization", "Bearer wrong")]);
    assert_eq!(wrong.status, 401);
    let right = open(&server, path, &[("authorization", "Bearer s3cret")]);
    assert_eq!(right.status, 200);
}

#[test]
fn the_state_counts_calls_of_the_component_alone() {
    let server = scripted(&["--workers", "2"]);
    let started = state(&server);
    let worker = json!({"pool": "rest", "ready": 2, "desired": 2, "queued": 0, "in_flight": 0});
    assert_eq!(started["workers"], json!([worker]));
    assert_eq!(started["calls"], json!([]));
    for (name, value) in [
        ("interface", json!("Scripted.Scripted")),
        ("model", json!("Scripted")),
        ("service_type", json!("MODEL")),
        ("protocols", json!(["seldon", "v2"])),
        ("ready", json!(true)),
        ("unready", json!(null)),
        ("in_flight", json!(0)),
    ] {
        assert_eq!(started[name], value, "{name}");
    }
    let methods = started["methods"].as_array().unwrap();
    assert!(methods.contains(&json!("predict")), "{methods:?}");
    assert!(started["runtime"].as_str().unwrap().starts_with("Python 3"));

    for _ in 0..5 {
        let (status, body) = send_json(&server, &step("pid", &json!({})));
        assert_eq!(status, 200, "{body}");
    }
    let (status, _) = send_json(&server, &Request::json("/predict", "no JSON"));
    assert_eq!(status, 400);
    // None of these are calls.
    assert_eq!(open(&server, "/health/ping", &[]).status, 200);
    assert_eq!(open(&server, "/metadata", &[]).status, 200);
    is_missing(&open(&server, "/nowhere", &[]));
    let calls = || {
        let mut state = state(&server);
        let Value::Array(mut calls) = state["calls"].take() else {
            panic!("{state}");
        };
        assert!(calls.len() < 2, "{calls:?}");
        calls.pop().filter(|calls| calls["count"] == 6)
    };
    eventually("a count of 6", || calls().is_some());
    let calls = calls().unwrap();
    assert_eq!(calls["errors"], 1);
    assert_eq!(
        (&calls["transport"], &calls["method"]),
        (&json!("rest"), &json!("predict"))
    );
    let seconds = calls["seconds"].as_f64().unwrap();
    assert!(seconds > 0.0, "{calls}");
    let buckets = calls["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), started["bounds"].as_array().unwrap().len());
    assert_eq!(buckets.last(), Some(&json!(6)), "{calls}");
    // And the page's own requests are none to metrics, either.
    let metrics = Request::get("/metrics");
    let metrics = metrics.send(server.metrics_address(), crate::support::TIMEOUT);
    let metrics = String::from_utf8(metrics.unwrap().body).unwrap();
    let counts = metrics.lines().filter(|line| {
        line.starts_with("streeling_requests_total{") && line.contains("method=\"predict\"")
    });
    let sum: f64 = counts
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!((sum - 6.0).abs() < f64::EPSILON, "{metrics}");
    assert!(metrics.contains("method=\"server_page\""), "{metrics}");
}

#[test]
fn the_state_has_what_waits_and_what_runs() {
    let server = scripted(&["--workers", "1", "--threads", "1"]);
    let gate = crate::support::Gate::closed();
    std::thread::scope(|scope| {
        let held: Vec<_> = (0..3)
            .map(|number| {
                let (server, gate) = (&server, &gate);
                scope.spawn(move || send_json(server, &gate.hold(number)).0)
            })
            .collect();
        eventually("three requests in the server", || {
            let state = state(&server);
            let workers = &state["workers"][0];
            let waits = workers["queued"].as_u64().unwrap();
            let runs = workers["in_flight"].as_u64().unwrap();
            state["in_flight"] == 3 && runs > 0 && waits + runs == 3
        });
        gate.open();
        for one in held {
            assert_eq!(one.join().unwrap(), 200);
        }
    });
    eventually("none in the server", || state(&server)["in_flight"] == 0);
}

#[test]
fn the_state_of_a_component_in_rust_has_no_workers() {
    let server = echo().start().unwrap();
    let state = state(&server);
    assert_eq!(state["workers"], json!([]));
    assert_eq!(state["interface"], "rust:echo");
    assert_eq!(
        (&state["methods"], &state["runtime"]),
        (&json!(null), &json!(null))
    );
}
