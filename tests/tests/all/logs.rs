//! What a component prints and logs, in the server's log.

use serde_json::{Value, json};
use streeling_testkit::Request;

use crate::metrics::{scrape, value};
use crate::support::{command, command_in, eventually, perform, scripted, send_json, step};

#[test]
fn records_have_fields_and_output_is_unchanged() {
    let server = scripted(&[]);
    perform(&server, "say", &json!({"text": "printed é\t\u{1b}[1m"}));
    assert_eq!(server.wait_for_output("printed"), "printed é\t\u{1b}[1m");
    perform(&server, "complain", &json!({"text": "to itself"}));
    assert_eq!(server.wait_for_log("to itself"), "to itself");
    let text = "logged\nin two\rlines";
    let mut request = step("log", &json!({"text": text}));
    request
        .headers
        .push(("x-request-id".to_owned(), "a-1".to_owned()));
    assert_eq!(send_json(&server, &request).0, 200);
    let line = server.wait_for_log("logged");
    let fields = r#"WARN streeling::worker: logged worker=0 logger="scripted" request_id=a-1"#;
    assert!(line.ends_with(fields), "{line}");
    assert_eq!(server.wait_for_log("in two"), r"    in two\rlines");
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
    let own = r#"{"level": "INFO", "message": "its own",  "app": 1}"#;
    perform(&server, "say", &json!({"text": own}));
    perform(&server, "complain", &json!({"text": "to itself"}));
    let record = json!({"text": "two\nlines", "extra": {"order": {"id": 7}, "worker": "mine"}});
    perform(&server, "log", &record);
    send_json(&server, &step("fail", &json!({"text": "as scripted"})));
    server.wait_for_log("ValueError: as scripted");
    // It is JSON, so that nothing is put around it.
    assert_eq!(server.wait_for_output("its own"), own);
    let object = |line: &String| -> Value {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let output: Vec<Value> = server.output().iter().map(object).collect();
    assert_eq!(
        (&output[0]["message"], &output[0]["stream"]),
        (&json!("printed \"é\""), &json!("stdout"))
    );
    let lines: Vec<Value> = server.log().iter().map(object).collect();
    let find = |text: &str| {
        let line = lines.iter().find(|line| line["message"] == text);
        line.unwrap_or_else(|| panic!("no {text:?} in {lines:?}"))
    };
    assert_eq!(
        (&find("to itself")["worker"], &find("to itself")["stream"]),
        (&json!(0), &json!("stderr"))
    );
    let record = find("two\nlines");
    assert_eq!(
        (&record["level"], &record["logger"], &record["worker"]),
        (&json!("WARN"), &json!("scripted"), &json!(0))
    );
    assert_eq!(
        (&record["order"]["id"], &record["extra_worker"]),
        (&json!(7), &json!("mine"))
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"].is_string() && line["timestamp"].is_string())
    );
}

/// What a log shipper reads: lines that are objects already, by a handler and by hand.
#[test]
fn lines_of_the_component_s_own_handler_are_left_alone() {
    let text = r#"
import json, logging, sys

class Form(logging.Formatter):
    def format(self, record):
        return json.dumps({"level": record.levelname, "msg": record.getMessage(), "app": "mine"})

handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(Form())
log = logging.getLogger("mine")
log.addHandler(handler)
log.propagate = False
log.setLevel("DEBUG")

class Lines:
    def predict(self, X, names):
        log.debug("scored")
        print(json.dumps({"level": "INFO", "msg": "printed"}), flush=True)
        return [1]
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Lines.py"), text).unwrap();
    for format in ["text", "json"] {
        let server = command_in(folder.path(), "Lines")
            .args(["--log-format", format])
            .start()
            .unwrap();
        let request = Request::json("/predict", r#"{"data":{"ndarray":[[1.0,2.0]]}}"#);
        assert_eq!(send_json(&server, &request).0, 200);
        server.wait_for_output("printed");
        assert_eq!(
            server.output(),
            [
                r#"{"level": "DEBUG", "msg": "scored", "app": "mine"}"#,
                r#"{"level": "INFO", "msg": "printed"}"#
            ]
        );
        assert!(!server.log().iter().any(|line| line.contains("scored")));
    }
}

/// Prints and records on standard error are written by the worker, one after the other.
#[test]
fn order_holds_within_a_stream() {
    let server = scripted(&["--threads", "1"]);
    for number in 0..50 {
        perform(&server, "complain", &json!({"text": format!("a{number}")}));
        perform(
            &server,
            "log",
            &json!({"text": format!("a{number} logged")}),
        );
    }
    server.wait_for_log("a49 logged");
    let log = server.log();
    let own = log
        .iter()
        .filter(|line| line.contains(" logged ") || line.starts_with('a'));
    for (index, line) in own.enumerate() {
        let number = index / 2;
        if index % 2 == 0 {
            assert_eq!(line, &format!("a{number}"));
        } else {
            assert!(
                line.contains(&format!(": a{number} logged worker=0 ")),
                "{line}"
            );
        }
    }
}

/// More than pipe and buffer hold, on a stream that is not read.
#[test]
fn a_stream_without_a_reader_costs_lines_and_no_response() {
    let mut server = command("Scripted").hold_output().start().unwrap();
    let text = "x".repeat(9_999);
    let said = perform(&server, "say", &json!({"text": text, "times": 2000}));
    assert_eq!(said, json!({"said": 2000}));
    let lost = || {
        let stream = [("stream", "standard output")];
        let name = "streeling_log_lines_dropped_total";
        value(&scrape(&server), name, &stream) as usize
    };
    eventually("that lines are dropped", || lost() > 100);
    perform(&server, "complain", &json!({"text": "still there"}));
    assert_eq!(server.wait_for_log("still there"), "still there");
    server.read_output();
    server.wait_for_log("lines for standard output: it is read too slowly");
    // Those that are kept are whole.
    let lost = || {
        let stream = [("stream", "standard output")];
        let name = "streeling_log_lines_dropped_total";
        value(&scrape(&server), name, &stream) as usize
    };
    eventually("every line, written or counted", || {
        server.output().len() + lost() >= 2000
    });
    assert!(server.output().iter().all(|line| *line == text));
}
