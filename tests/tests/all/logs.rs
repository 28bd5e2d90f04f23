//! What a component prints and logs, in the server's log.

use serde_json::{Value, json};

use crate::support::{ask, obey, order, orders};

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
    obey(&server, "say", &json!({"text": "the end of it"}));
    server.wait_for_log("the end of it");
    let whole = server
        .log()
        .iter()
        .filter(|line| line.contains(&text))
        .count();
    assert_eq!(whole, 1000);
}
