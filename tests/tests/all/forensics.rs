//! What the log says of calls that do not return.

use serde_json::{Value, json};
use streeling_testkit::{Request, Server};

use crate::support::{Gate, command, command_in, perform, send_json, step};

const STACKS: &str = "its stacks:";
const LATE: &str = "a request runs past its deadline; its stacks:";

/// A request of this id that is held in `Scripted` until long after its deadline.
fn late(server: &Server, id: &str, request: Request) {
    let mut request = request;
    request
        .headers
        .push(("x-request-id".to_owned(), id.to_owned()));
    assert_eq!(send_json(server, &request).0, 504);
}

fn start(component: &str, worker_start: &str, flags: &[&str]) -> Server {
    command(component)
        .env("STREELING_WORKER_START", worker_start)
        .args(["--timeout-ms", "2000", "--log-format", "json"])
        .args(flags)
        .start()
        .unwrap()
}

fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The function that the worker's call is in stands in the stacks, however the worker was started.
#[test]
fn a_late_request_has_its_stacks_in_the_log() {
    for worker_start in ["fork", "spawn"] {
        let server = start("Scripted", worker_start, &["--threads", "3"]);
        let gate = Gate::closed();
        let array = Request::json("/predict", r#"{"data":{"ndarray":[[1,2]]}}"#.to_owned());
        assert_eq!(send_json(&server, &array).0, 200);
        late(&server, "late-1", gate.hold(7));
        let record = record(&server.wait_for_log(LATE));
        assert_eq!(record["request_id"], "late-1");
        assert_eq!(record["method"], "predict");
        assert_eq!(record["shape"], "JSON");
        assert_eq!(record["worker"], 0);
        assert_eq!(record["level"], "WARN");
        assert!(record["age_seconds"].as_f64().unwrap() >= 2.0, "{record}");
        assert!(record["bytes"].as_u64().unwrap() > 30, "{record}");
        let stacks = record["message"].as_str().unwrap();
        assert!(stacks.contains("Scripted.py\", line"), "{stacks}");
        assert!(stacks.contains("in hold\n"), "{stacks}");
        // Those of the other threads, too, and all of it.
        assert!(
            stacks.matches("(most recent call first)").count() >= 4,
            "{stacks}"
        );
        assert!(!stacks.contains("there may be more"), "{stacks}");
        gate.open();
        assert_eq!(send_json(&server, &array).0, 200);
    }
}

/// Native code that holds the interpreter lock keeps every Python thread from running.
#[test]
fn stacks_are_there_while_native_code_holds_the_lock_and_before_the_worker_is_killed() {
    for worker_start in ["fork", "spawn"] {
        let server = start("Scripted", worker_start, &[]);
        late(&server, "frozen", step("freeze", &json!({})));
        for what in [LATE, "the worker is killed, since no call of it returns"] {
            let record = record(&server.wait_for_log(what));
            assert_eq!(record["request_id"], "frozen");
            let stacks = record["message"].as_str().unwrap();
            assert!(stacks.contains("in freeze\n"), "{stacks}");
        }
        server.wait_for_log("worker lost");
        assert!(perform(&server, "pid", &json!({}))["pid"].is_u64());
    }
}

const UNUSUAL: &str = r#"
import faulthandler
import os
import signal
import sys
import time


class Unusual:
    def __init__(self, handler):
        self.handled = 0
        if handler == "own":
            signal.signal(16, self.handle)
        elif handler == "usual":
            faulthandler.register(signal.SIGUSR1, file=open("usual", "w"), all_threads=True)
        self.handler = handler

    def load(self):
        # What writes to the standard streams finds nothing, or a file of the component's.
        if self.handler == "streams":
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 1)
            os.dup2(null, 2)
            sys.stdout = sys.stderr = None
        elif self.handler == "default":
            signal.signal(16, signal.SIG_DFL)

    def handle(self, number, frame):
        self.handled += 1

    def predict(self, X, names):
        if X == "freeze":
            sum(range(10**15))
        if X == "sleep":
            time.sleep(3)
        if X == "signal":
            os.kill(os.getpid(), 16)
        if X == "usual":
            os.kill(os.getpid(), signal.SIGUSR1)
            with open("usual") as file:
                return file.read()
        return str(self.handled)
"#;

fn unusual(handler: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Unusual.py"), UNUSUAL).unwrap();
    let parameters = json!([{"name": "handler", "value": handler, "type": "STRING"}]);
    let server = command_in(folder.path(), "Unusual")
        .args([
            "--threads",
            "1",
            "--timeout-ms",
            "2000",
            "--parameters",
            &parameters.to_string(),
        ])
        .start()
        .unwrap();
    (folder, server)
}

fn text(text: &str) -> Request {
    Request::json("/predict", json!({"strData": text}).to_string())
}

#[test]
fn a_component_that_uses_the_signal_itself_keeps_its_handler() {
    let (_folder, server) = unusual("own");
    for expected in ["0", "1", "2"] {
        // Python runs the handler of a signal that comes during the call once that goes on.
        let (status, body) = send_json(&server, &text("count"));
        assert_eq!((status, &body["strData"]), (200, &json!(expected)));
        assert_eq!(send_json(&server, &text("signal")).0, 200);
    }
    late(&server, "late", text("sleep"));
    server.wait_for_log(LATE);
    server.wait_for_log("in predict");
    // Without the lock there is nothing to be had, and the component's handler is not called.
    late(&server, "frozen", text("freeze"));
    server.wait_for_log("since no call of it returns");
}

#[test]
fn a_component_with_the_signals_default_is_not_ended_by_it() {
    let (_folder, server) = unusual("default");
    late(&server, "frozen", text("freeze"));
    server.wait_for_log("it has written no stacks");
    server.wait_for_log("the worker is killed, since no call of it returns");
}

#[test]
fn stacks_do_not_need_the_standard_streams() {
    let (_folder, server) = unusual("streams");
    late(&server, "frozen", text("freeze"));
    server.wait_for_log(STACKS);
    server.wait_for_log("in predict");
}

#[test]
fn a_component_may_use_faulthandler_itself() {
    let (_folder, server) = unusual("usual");
    let (status, body) = send_json(&server, &text("usual"));
    assert_eq!(status, 200, "{body}");
    let stacks = body["strData"].as_str().unwrap();
    assert!(stacks.contains("in predict"), "{stacks}");
    late(&server, "frozen", text("freeze"));
    server.wait_for_log("in predict");
}
