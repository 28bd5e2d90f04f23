//! The development server.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use streeling_testkit::{Request, Server};

use crate::support::{ask, command_in, eventually, order, orders, root};

fn write(folder: &Path, answer: &str) {
    let text = format!(
        "from helper import TWICE\n\
         class Changing:\n\
         \x20   def predict(self, X, names):\n\
         \x20       return {{'twice': {answer}}}\n"
    );
    std::fs::write(folder.join("Changing.py"), text).unwrap();
}

fn answer(server: &Server) -> Value {
    let body = json!({"data": {"ndarray": [[1.0]]}}).to_string();
    let (status, mut answer) = ask(server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{answer}");
    answer["jsonData"]["twice"].take()
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
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                answer(&server);
            }
        });
        // A module that the component imports counts as well as its own.
        std::fs::write(folder.path().join("helper.py"), "TWICE = 22\n").unwrap();
        eventually("the new helper", || answer(&server) == 22);
        write(folder.path(), "TWICE + 1");
        eventually("the new component", || answer(&server) == 23);
        // Broken code changes nothing, until it is mended.
        write(folder.path(), "1 1");
        server.wait_for_log("not reloaded");
        assert_eq!(answer(&server), 23);
        write(folder.path(), "TWICE + 2");
        eventually("the mended component", || answer(&server) == 24);
        ended.store(true, Ordering::Relaxed);
    });
}

#[test]
fn errors_carry_the_traceback() {
    let fail = order("fail", &json!({"text": "too cold"}));
    let info = |server: &Server| {
        let (status, body) = ask(server, &fail);
        assert_eq!(status, 500);
        body["status"]["info"].as_str().unwrap().to_owned()
    };
    assert_eq!(info(&orders(&[])), "too cold");
    // The folder of all test components changes while tests are written.
    let folder = tempfile::tempdir().unwrap();
    let component = root().join("tests/components/Orders.py");
    std::fs::copy(component, folder.path().join("Orders.py")).unwrap();
    let command = command_in(folder.path(), "Orders").env("SELDON_DEBUG", "1");
    let told = info(&command.start().unwrap());
    for part in ["too cold\nTraceback", "Orders.py", "ValueError: too cold"] {
        assert!(told.contains(part), "no \"{part}\" in:\n{told}");
    }
}
