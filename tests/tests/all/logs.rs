//! What a component prints and logs, in the server's log.

use serde_json::{Value, json};

use crate::metrics::{scrape, value};
use crate::support::{eventually, perform, scripted, send_json, step};

#[test]
fn output_and_records_carry_the_worker() {
    let server = scripted(&[]);
    perform(&server, "say", &json!({"text": "printed é"}));
    let line = server.wait_for_log("printed é");
    assert!(line.contains("INFO") && line.contains("worker=0"), "{line}");
    perform(&server, "log", &json!({"text": "logged"}));
    let line = server.wait_for_log("logged");
    assert!(line.contains("WARN") && line.contains("worker=0"), "{line}");
    assert!(line.contains("scripted"), "{line}");
    let (status, error) = send_json(&server, &step("fail", &json!({"text": "as scripted"})));
    assert_eq!(
        (status, &error["status"]["info"]),
        (500, &json!("as scripted"))
    );
    server.wait_for_log("ValueError: as scripted");
}

#[test]
fn json_lines_are_objects() {
    let server = scripted(&["--log-format", "json"]);
    perform(&server, "say", &json!({"text": "printed \"é\""}));
    perform(&server, "log", &json!({"text": "two\nlines"}));
    send_json(&server, &step("fail", &json!({"text": "as scripted"})));
    server.wait_for_log("ValueError: as scripted");
    let log = server.log();
    let lines: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let find = |text: &str| {
        let line = lines.iter().find(|line| line["message"] == text);
        line.unwrap_or_else(|| panic!("no {text:?} in {lines:?}"))
    };
    assert_eq!(find("printed \"é\"")["worker"], 0);
    let record = find("two\nlines");
    assert_eq!(
        (&record["level"], &record["logger"]),
        (&json!("WARN"), &json!("scripted"))
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"].is_string() && line["timestamp"].is_string())
    );
}

#[test]
fn ten_megabytes_of_output_do_not_block() {
    let server = scripted(&[]);
    let text = "x".repeat(9_999);
    let response = perform(&server, "say", &json!({"text": text, "times": 1000}));
    assert_eq!(response, json!({"said": 1000}));
    // A line that is logged while there is no room, faster than this test reads, is dropped and
    // counted.
    let complete = || {
        let log = server.log();
        log.iter().filter(|line| line.contains(&text)).count()
    };
    let lost = || {
        let stream = [("stream", "standard error")];
        let name = "streeling_log_lines_dropped_total";
        value(&scrape(&server), name, &stream) as usize
    };
    eventually("every line, written or counted", || {
        complete() + lost() >= 1000
    });
    // The server's own lines about that may be lost, too.
    assert!(complete() + lost() < 1050, "{} and {}", complete(), lost());
    // As many as there is room for are kept: four megabytes of them.
    assert!(complete() >= 400, "{}", complete());
}
