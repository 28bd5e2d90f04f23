//! The development server.

use std::path::Path;

use serde_json::{Value, json};
use streeling_testkit::{Request, Server};

use crate::support::{command_in, eventually, meanwhile, root, scripted, send_json, step};

fn write(folder: &Path, expression: &str) {
    let text = format!(
        "from helper import TWICE\n\
         class Changing:\n\
         \x20   def predict(self, X, names):\n\
         \x20       return {{'twice': {expression}}}\n"
    );
    std::fs::write(folder.join("Changing.py"), text).unwrap();
}

fn twice(server: &Server) -> Value {
    let body = json!({"data": {"ndarray": [[1.0]]}}).to_string();
    let (status, mut response) = send_json(server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{response}");
    response["jsonData"]["twice"].take()
}

#[test]
fn changed_code_is_served_without_a_failed_request() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("helper.py"), "TWICE = 2\n").unwrap();
    write(folder.path(), "TWICE");
    let flags = ["--debug", "--workers", "3"];
    let server = command_in(folder.path(), "Changing")
        .args(flags)
        .start()
        .unwrap();
    let banner = server.wait_for_log("not for production");
    assert!(banner.contains("WARN"), "{banner}");
    let log = server.log().join("\n");
    assert!(log.contains("DEBUG"), "{log}");
    assert_eq!(log.matches("component loaded in").count(), 1, "{log}");
    let is_served = || drop(twice(&server));
    meanwhile(1, is_served, || {
        // A module that the component imports counts as well as its own.
        std::fs::write(folder.path().join("helper.py"), "TWICE = 22\n").unwrap();
        eventually("the new helper", || twice(&server) == 22);
        write(folder.path(), "TWICE + 1");
        eventually("the new component", || twice(&server) == 23);
        // Broken code changes nothing, until it is fixed.
        write(folder.path(), "1 1");
        server.wait_for_log("not reloaded");
        assert_eq!(twice(&server), 23);
        write(folder.path(), "TWICE + 2");
        eventually("the fixed component", || twice(&server) == 24);
    });
}

#[test]
fn errors_carry_the_traceback() {
    let fail = step("fail", &json!({"text": "too cold"}));
    let info = |server: &Server| {
        let (status, body) = send_json(server, &fail);
        assert_eq!(status, 500);
        body["status"]["info"].as_str().unwrap().to_owned()
    };
    assert_eq!(info(&scripted(&[])), "too cold");
    // The folder of all test components changes while tests are written.
    let folder = tempfile::tempdir().unwrap();
    let component = root().join("tests/components/Scripted.py");
    std::fs::copy(component, folder.path().join("Scripted.py")).unwrap();
    let command = command_in(folder.path(), "Scripted").env("SELDON_DEBUG", "1");
    let shown = info(&command.start().unwrap());
    for part in ["too cold\nTraceback", "Scripted.py", "ValueError: too cold"] {
        assert!(shown.contains(part), "no \"{part}\" in:\n{shown}");
    }
}
