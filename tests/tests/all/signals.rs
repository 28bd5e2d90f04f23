//! What the server does at signals, and how it ends.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, Signal};

use crate::processes::{children, templates, workers};
use crate::support::{
    Gate, TIMEOUT, command, command_in, eventually, meanwhile, runs, scripted, send_json, worker,
};

/// A server that waited for this would not end while a test waits for it.
const A_DAY: [&str; 2] = ["--graceful-timeout", "86400"];

#[test]
fn idle_server_ends_at_once_with_its_workers() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = scripted(&A_DAY);
        let worker = worker(&server);
        assert!(runs(worker));
        server.signal(signal).unwrap();
        let status = server.wait(TIMEOUT).unwrap();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        assert!(!runs(worker), "{signal:?}");
        assert!(server.send(&Request::get("/health/ping")).is_err());
    }
}

#[test]
fn request_in_flight_is_finished_first() {
    let mut server = scripted(&A_DAY);
    let worker = worker(&server);
    let gate = Gate::closed();
    let (status, body) = std::thread::scope(|scope| {
        let call = scope.spawn(|| send_json(&server, &gate.hold(7)));
        server.wait_for_log("held with 7");
        server.signal(Signal::TERM).unwrap();
        eventually("a closed port", || {
            server.send(&Request::get("/health/ping")).is_err()
        });
        gate.open();
        call.join().unwrap()
    });
    assert_eq!((status, &body["jsonData"]["number"]), (200, &json!(7)));
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    assert!(!runs(worker));
}

#[test]
fn two_signals_at_once_are_one() {
    let mut server = scripted(&A_DAY);
    let gate = Gate::closed();
    let status = std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&gate.hold(7)).unwrap().status);
        server.wait_for_log("held with 7");
        server.signal(Signal::TERM).unwrap();
        server.signal(Signal::INT).unwrap();
        server.wait_for_log("again within 1s: already stopping");
        gate.open();
        call.join().unwrap()
    });
    assert_eq!(status, 200);
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
}

#[test]
fn a_further_signal_ends_the_server_at_once() {
    let mut server = scripted(&A_DAY);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&gate.hold(7)));
        server.wait_for_log("held with 7");
        server.signal(Signal::TERM).unwrap();
        server.wait_for_log("SIGTERM: stopping");
        std::thread::sleep(Duration::from_millis(1_100));
        server.signal(Signal::TERM).unwrap();
        assert!(call.join().unwrap().is_err());
    });
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(128 + 15));
}

#[test]
fn request_that_outlasts_the_grace_does_not_hold_the_server() {
    let mut server = scripted(&["--graceful-timeout", "1"]);
    let worker = worker(&server);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&gate.hold(0)));
        server.wait_for_log("held with 0");
        let since = Instant::now();
        server.signal(Signal::TERM).unwrap();
        // The connection is closed without a response.
        let error = call.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(since.elapsed() >= Duration::from_secs(1));
    });
    // The call itself never ends.
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    eventually("the end of the worker", || !runs(worker));
}

#[test]
fn workers_end_when_the_server_is_killed() {
    let mut server = scripted(&["--workers", "2", "--threads", "1"]);
    let pids = children(server.pid());
    assert_eq!(pids.len(), 2 + templates());
    server.signal(Signal::KILL).unwrap();
    server.wait(TIMEOUT).unwrap();
    eventually("the end of the workers", || {
        !pids.iter().any(|&pid| runs(pid))
    });
}

#[test]
fn a_signal_that_means_nothing_here_does_nothing() {
    let server = scripted(&[]);
    server.signal(Signal::USR2).unwrap();
    server.wait_for_log("SIGUSR2");
    assert_eq!(
        server.send(&Request::get("/health/ping")).unwrap().status,
        200
    );
}

/// Both transports' workers end; how long that takes, the test after it measures.
fn end_at_the_defaults(within: Duration) {
    let command = command("Scripted").env("GRPC_WORKERS", "");
    let mut server = command.args(["--grpc-port", "0"]).start().unwrap();
    let processes = children(server.pid());
    assert_eq!(processes.len(), 2 + templates());
    server.signal(Signal::TERM).unwrap();
    let status = server.wait(within).unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(!processes.into_iter().any(runs));
}

#[test]
fn idle_server_at_the_defaults_ends_with_all_its_workers() {
    end_at_the_defaults(TIMEOUT);
}

#[test]
#[ignore = "acceptance: it measures time, on a quiet machine"]
fn idle_server_at_the_defaults_ends_within_a_second() {
    end_at_the_defaults(Duration::from_secs(1));
}

/// Writes a component that returns `version`, in place of the one before.
fn write_version(folder: &Path, version: &str) {
    let text = format!(
        "class Version:\n\
         \x20   def predict(self, X, names):\n\
         \x20       return {{'version': {version}}}\n"
    );
    // Renamed into place, so that no worker reads half of it.
    fs::write(folder.join("new"), text).unwrap();
    fs::rename(folder.join("new"), folder.join("Version.py")).unwrap();
}

fn version(server: &Server) -> Value {
    let body = json!({"data": {"ndarray": [[1.0]]}}).to_string();
    let (status, mut response) = send_json(server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{response}");
    response["jsonData"]["version"].take()
}

#[test]
fn hangup_serves_new_code_and_loses_no_request() {
    let folder = tempfile::tempdir().unwrap();
    write_version(folder.path(), "1");
    let command = command_in(folder.path(), "Version").env("GRPC_WORKERS", "1");
    let flags = ["--workers", "2", "--threads", "2", "--grpc-port", "0"];
    let server = command.args(flags).start().unwrap();
    let before = workers(server.pid());
    assert_eq!(before.len(), 3);
    let is_served = || {
        let found = version(&server);
        assert!(found == 1 || found == 2, "{found}");
    };
    meanwhile(4, is_served, || {
        write_version(folder.path(), "2");
        server.signal(Signal::HUP).unwrap();
        server.wait_for_log("all workers are reloaded");
    });
    assert_eq!(version(&server), 2);
    eventually("the end of the old workers", || {
        !before.iter().any(|&pid| runs(pid))
    });
    assert_eq!(workers(server.pid()).len(), 3);
}

#[test]
fn hangup_to_broken_code_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_version(folder.path(), "1");
    let server = command_in(folder.path(), "Version").start().unwrap();
    write_version(folder.path(), "1 1");
    server.signal(Signal::HUP).unwrap();
    let line = server.wait_for_log("not reloaded");
    assert!(line.contains("ERROR"), "{line}");
    server.wait_for_log("SyntaxError");
    assert_eq!(version(&server), 1);
    write_version(folder.path(), "3");
    server.signal(Signal::HUP).unwrap();
    server.wait_for_log("all workers are reloaded");
    assert_eq!(version(&server), 3);
}

/// A component that never comes to the end of its constructor or its `load()`, and leaves a file
/// `hangs-PID` before.
fn write_hanging(folder: &Path, method: &str) {
    let text = format!(
        "import os, time\n\
         class Version:\n\
         \x20   def {method}(self):\n\
         \x20       open(os.path.join(os.path.dirname(__file__), f'hangs-{{os.getpid()}}'), 'w')\n\
         \x20       time.sleep(86400)\n"
    );
    fs::write(folder.join("Version.py"), text).unwrap();
}

/// The processes that hang.
fn hanging(folder: &Path) -> Vec<u32> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_prefix("hangs-")?.parse().ok())
        .collect()
}

#[test]
fn a_reload_that_hangs_gives_way_to_the_next_one() {
    for method in ["load", "__init__"] {
        let folder = tempfile::tempdir().unwrap();
        write_version(folder.path(), "1");
        let command = command_in(folder.path(), "Version").env("GRPC_WORKERS", "1");
        let server = command.args(["--grpc-port", "0"]).start().unwrap();
        write_hanging(folder.path(), method);
        server.signal(Signal::HUP).unwrap();
        eventually("a load that hangs", || !hanging(folder.path()).is_empty());
        assert_eq!(version(&server), 1);
        write_version(folder.path(), "2");
        server.signal(Signal::HUP).unwrap();
        let line = server.wait_for_log("its processes are killed for the one that was requested");
        assert!(line.contains("WARN"), "{line}");
        server.wait_for_log("all workers are reloaded");
        assert_eq!(version(&server), 2);
        eventually("their end", || {
            !hanging(folder.path()).into_iter().any(runs)
        });
    }
}

#[test]
fn more_workers_that_hang_give_way_to_a_reload_and_are_started_then() {
    let folder = tempfile::tempdir().unwrap();
    write_version(folder.path(), "1");
    let hang = "\n    def load(self):\n        import os, time\n        \
                if os.path.exists('hang'):\n            \
                open(f'hangs-{os.getpid()}', 'w')\n            \
                time.sleep(86400)\n";
    let path = folder.path().join("Version.py");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + hang).unwrap();
    let server = command_in(folder.path(), "Version").start().unwrap();
    fs::write(folder.path().join("hang"), "").unwrap();
    server.signal(Signal::TTIN).unwrap();
    eventually("a load that hangs", || !hanging(folder.path()).is_empty());
    write_version(folder.path(), "2");
    server.signal(Signal::HUP).unwrap();
    server.wait_for_log("new workers have not loaded the component");
    server.wait_for_log("2 workers in place of 1");
    assert_eq!(version(&server), 2);
    eventually("their end", || {
        !hanging(folder.path()).into_iter().any(runs)
    });
}

#[test]
fn a_worker_more_and_a_worker_fewer() {
    let command = command("Scripted").env("GRPC_WORKERS", "1");
    let flags = ["--threads", "1", "--grpc-port", "0"];
    let server = command.args(flags).start().unwrap();
    let become_so_many = |count: usize| {
        eventually(&format!("a server with {count} workers"), || {
            workers(server.pid()).len() == count
        });
    };
    let has_followed = |signals: usize| {
        let log = server.log();
        let resized = log
            .iter()
            .filter(|line| line.contains("workers in place of"));
        // A line for each pool.
        resized.count() == 2 * signals
    };
    become_so_many(2);
    server.signal(Signal::TTIN).unwrap();
    become_so_many(4);
    server.wait_for_log("2 workers in place of 1");
    // One worker of each pool remains, however often.
    for signals in 2..5 {
        eventually("the signal before", || has_followed(signals - 1));
        server.signal(Signal::TTOU).unwrap();
    }
    eventually("the last signal", || has_followed(4));
    become_so_many(2);
    assert!(worker(&server) > 0);
}

#[test]
fn workers_that_cannot_be_replaced_end_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let text = "import os, signal\n\
                class Once:\n\
                \x20   def load(self):\n\
                \x20       os.mkdir('loaded')\n\
                \x20   def predict(self, X, names):\n\
                \x20       os.kill(os.getpid(), signal.SIGKILL)\n";
    fs::write(folder.path().join("Once.py"), text).unwrap();
    let mut server = command_in(folder.path(), "Once").start().unwrap();
    let body = json!({"data": {"ndarray": [[1.0]]}}).to_string();
    assert_eq!(send_json(&server, &Request::json("/predict", body)).0, 503);
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(1));
    let line = server.wait_for_log("the server gives up");
    assert!(line.contains("ERROR"), "{line}");
    server.wait_for_log("FileExistsError");
}
