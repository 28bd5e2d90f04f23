//! What a component prints and logs, in the server's log.

use serde_json::{Value, json};

use crate::metrics::{scrape, value};
use crate::support::{ask, eventually, obey, order, orders};

#[test]
fn output_and_records_carry_the_worker() {
    let server = orders(&[]);
    obey(&server, "say", &json!({"text": "printed é"}));
    let line = server.wait_for_log("printed é");
    assert!(line.contains("INFO") && line.contains("worker=0"), "{line}");
    obey(&server, "log", &json!({"text": "logged"}));
    let line = server.wait_for_log("logged");
    assert!(line.contains("WARN") && line.contains("worker=0"), "{line}");
    assert!(line.contains("orders"), "{line}");
    let (status, error) = ask(&server, &order("fail", &json!({"text": "as told"})));
    assert_eq!((status, &error["status"]["info"]), (500, &json!("as told")));
    server.wait_for_log("ValueError: as told");
}

#[test]
fn json_lines_are_objects() {
    let server = orders(&["--log-format", "json"]);
    obey(&server, "say", &json!({"text": "printed \"é\""}));
    obey(&server, "log", &json!({"text": "two\nlines"}));
    ask(&server, &order("fail", &json!({"text": "as told"})));
    server.wait_for_log("ValueError: as told");
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
        (&json!("WARN"), &json!("orders"))
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"].is_string() && line["timestamp"].is_string())
    );
}

#[test]
fn ten_megabytes_of_output_do_not_block() {
    let server = orders(&[]);
    let text = "x".repeat(9_999);
    let answer = obey(&server, "say", &json!({"text": text, "times": 1000}));
    assert_eq!(answer, json!({"said": 1000}));
    // What is said while there is no room is dropped.
    eventually("the end of it", || {
        obey(&server, "say", &json!({"text": "the end of it"}));
        server
            .log()
            .iter()
            .any(|line| line.contains("the end of it"))
    });
    let log = server.log();
    let whole = log.iter().filter(|line| line.contains(&text)).count();
    // Lines that came faster than this test reads are lost, and counted; as much as there is room for is not.
    let stream = [("stream", "standard error")];
    let lost = value(
        &scrape(&server),
        "streeling_log_lines_dropped_total",
        &stream,
    );
    assert!((400..=1000).contains(&whole), "{whole}");
    if lost == 0.0 {
        assert_eq!(whole, 1000);
    } else {
        assert!(whole as f64 + lost >= 1000.0, "{whole} {lost}");
    }
}
