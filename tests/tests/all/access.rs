//! The access log on standard output, and the request's id in both logs.

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand};

use crate::grpc_client::{predict, tensor};
use crate::metrics::{scrape, value};
use crate::support::{Gate, TIMEOUT, command, perform, scripted, send_json, step};

fn logged(more: &[&str]) -> ServerCommand {
    command("Scripted")
        .env("GUNICORN_ACCESS_LOG", "true")
        .args(more)
}

/// A GET with these headers.
fn get(path: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter();
    Request {
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Request::get(path)
    }
}

/// A line with its time, which must be one, as `TIME`.
fn timeless(line: &str) -> String {
    let (start, rest) = line.split_once('[').unwrap();
    let (time, end) = rest.split_once(']').unwrap();
    let shape: String = time
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'a'..='z' | 'A'..='Z' => 'a',
            other => other,
        })
        .collect();
    assert_eq!(
        shape.replace('-', "+"),
        "99/aaa/9999:99:99:99 +9999",
        "{line}"
    );
    format!("{start}[TIME]{end}")
}

#[test]
fn lines_are_in_the_combined_format_with_the_id_behind() {
    let server = logged(&[])
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .start()
        .unwrap();
    let with = [
        ("Seldon-Puid", "puid-1"),
        ("Referer", "http://a/?b"),
        ("User-Agent", "an \"agent\""),
    ];
    server.send(&get("/health/ping?x=%22", &with)).unwrap();
    let line = server.wait_for_output("/health/ping");
    assert_eq!(
        timeless(&line),
        concat!(
            r#"127.0.0.1 - - [TIME] "GET /health/ping?x=%22 HTTP/1.1" 200 4 "#,
            r#""http://a/?b" "an \"agent\"" "puid-1""#
        )
    );
    let response = server
        .send(&get("/nowhere", &[("X-Request-Id", "own 2")]))
        .unwrap();
    let line = server.wait_for_output("/nowhere");
    let bytes = response.body.len();
    assert_eq!(
        timeless(&line),
        format!(r#"127.0.0.1 - - [TIME] "GET /nowhere HTTP/1.1" 404 {bytes} "-" "-" "own_2""#)
    );
    predict(server.grpc_address(), tensor([1, 1], &[1.0])).unwrap();
    let line = timeless(&server.wait_for_output("Model/Predict"));
    let start = r#"127.0.0.1 - - [TIME] "POST /seldon.protos.Model/Predict HTTP/2.0" 200 "#;
    assert!(line.starts_with(start) && line.ends_with("\" OK"), "{line}");
}

#[test]
fn the_same_as_json() {
    let server = logged(&["--log-format", "json"]).start().unwrap();
    send_json(&server, &step("fail", &json!({"text": "as scripted"})));
    let line: Value = serde_json::from_str(&server.wait_for_output("/predict")).unwrap();
    let body = step("fail", &json!({"text": "as scripted"})).body.unwrap();
    for (field, expected) in [
        ("transport", json!("rest")),
        ("client", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("path", json!("/predict")),
        ("protocol", json!("HTTP/1.1")),
        ("status", json!(500)),
        ("received_bytes", json!(body.len())),
        ("referer", Value::Null),
        ("level", json!("INFO")),
        ("target", json!("streeling::access")),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    assert!(line["seconds"].as_f64().unwrap() > 0.0 && line["bytes"].as_u64().unwrap() > 50);
    // The component's error is in the log under the same id, though the caller sent none.
    let id = line["request_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    let error: Value =
        serde_json::from_str(&server.wait_for_log("ValueError: as scripted")).unwrap();
    assert_eq!(error["request_id"], line["request_id"], "{error}");
}

#[test]
fn none_unless_it_is_switched_on() {
    let mut server = scripted(&[]);
    perform(&server, "pid", &json!({}));
    server.signal(streeling_testkit::Signal::TERM).unwrap();
    server.wait(TIMEOUT).unwrap();
    assert_eq!(server.output(), Vec::<String>::new());
}

#[test]
fn scrapes_are_left_out_by_default() {
    for (settings, seen) in [
        (&[][..], false),
        (&[("FILTER_METRICS_ACCESS_LOGS", "false")], true),
        (&[("SELDON_DEBUG", "true")], true),
        (
            &[
                ("SELDON_DEBUG", "true"),
                ("FILTER_METRICS_ACCESS_LOGS", "true"),
            ],
            false,
        ),
    ] {
        let mut server = logged(&[]);
        for (name, value) in settings {
            server = server.env(name, value);
        }
        let mut server = server.start().unwrap();
        scrape(&server);
        server.send(&Request::get("/health/ping")).unwrap();
        server.wait_for_output("/health/ping");
        server.signal(streeling_testkit::Signal::TERM).unwrap();
        server.wait(TIMEOUT).unwrap();
        let scraped = |line: &String| line.contains("\"GET /metrics HTTP/1.1\" 200");
        assert_eq!(server.output().iter().any(scraped), seen, "{settings:?}");
    }
}

/// A client that leaves before its response is logged as such.
#[test]
fn who_leaves_is_logged_with_499() {
    let server = logged(&[]).start().unwrap();
    let client = Gate::closed().hold(7).begin(server.address(), TIMEOUT);
    server.wait_for_log("held with 7");
    drop(client.unwrap());
    let line = server.wait_for_output("/predict");
    assert!(line.contains("\"POST /predict HTTP/1.1\" 499 0 "), "{line}");
}

#[test]
fn a_reader_that_stops_costs_lines_and_no_response() {
    let mut server = logged(&[]).hold_output().start().unwrap();
    let dropped = |server: &Server| {
        let stream = [("stream", "standard output")];
        value(
            &scrape(server),
            "streeling_log_lines_dropped_total",
            &stream,
        )
    };
    // More than the pipe, the thread and the lines that wait can hold.
    let path = format!("/health/ping?{}", "x".repeat(8000));
    let mut sent = 0;
    while dropped(&server) < 100.0 {
        for _ in 0..100 {
            assert_eq!(server.send(&Request::get(&path)).unwrap().status, 200);
        }
        sent += 100;
        assert!(sent < 5000, "nothing is dropped");
    }
    let lost = dropped(&server);
    server.read_output();
    server.wait_for_log("lines for standard output: it is read too slowly");
    server.send(&Request::get("/health/ping?last")).unwrap();
    server.wait_for_output("/health/ping?last");
    let written = server.output();
    assert_eq!(written.len() + lost as usize, sent + 1);
    let is_complete = |line: &String| line.starts_with("127.0.0.1 - - [") && line.ends_with('"');
    assert!(written.iter().all(is_complete));
}
