//! What the server does at signals, and how it ends.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, Signal};

use crate::processes::children;
use crate::support::{
    TIMEOUT, command, command_in, eventually, runs, scripted, send_json, step, worker,
};

/// A bound for the end of an idle server.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn idle_server_ends_at_once_with_its_workers() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = scripted(&[]);
        let worker = worker(&server);
        assert!(runs(worker));
        server.signal(signal).unwrap();
        let status = server.wait(SOON).unwrap();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        assert!(!runs(worker), "{signal:?}");
        assert!(server.send(&Request::get("/health/ping")).is_err());
    }
}

#[test]
fn request_in_flight_is_finished_first() {
    let mut server = scripted(&[]);
    let worker = worker(&server);
    let response = std::thread::scope(|scope| {
        let call =
            scope.spawn(|| send_json(&server, &step("sleep", &json!({"seconds": 1, "number": 7}))));
        server.wait_for_log("asleep with 7");
        server.signal(Signal::TERM).unwrap();
        call.join().unwrap()
    });
    assert_eq!(
        (response.0, &response.1["jsonData"]),
        (200, &json!({"number": 7}))
    );
    assert_eq!(server.wait(SOON).unwrap().code(), Some(0));
    assert!(!runs(worker));
}

#[test]
fn request_that_outlasts_the_grace_does_not_hold_the_server() {
    let mut server = scripted(&["--graceful-timeout", "4"]);
    let worker = worker(&server);
    let since = Instant::now();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&step("sleep", &json!({"seconds": 60}))));
        server.wait_for_log("asleep with 0");
        server.signal(Signal::TERM).unwrap();
        let response = call.join().unwrap();
        assert!(response.is_err() || response.unwrap().status != 200);
    });
    server.wait(TIMEOUT).unwrap();
    assert!(
        since.elapsed() < Duration::from_secs(8),
        "{:?}",
        since.elapsed()
    );
    eventually("the end of the worker", || !runs(worker));
}

#[test]
fn workers_end_when_the_server_is_killed() {
    let mut server = scripted(&["--workers", "2", "--threads", "1"]);
    let pids: Vec<u32> = std::thread::scope(|scope| {
        let send = |_| scope.spawn(|| send_json(&server, &step("pid", &json!({"after": 0.5}))));
        let calls: Vec<_> = (0..2).map(send).collect();
        let responses = calls.into_iter().map(|call| call.join().unwrap().1);
        responses
            .map(|response: Value| crate::support::pid(&response["jsonData"]))
            .collect()
    });
    assert!(pids.iter().all(|&pid| runs(pid)));
    server.signal(Signal::KILL).unwrap();
    server.wait(SOON).unwrap();
    eventually("the end of the workers", || {
        !pids.iter().any(|&pid| runs(pid))
    });
}

/// The promise is one second; a busy machine with a debug build gets more.
const AT_THE_DEFAULTS: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(5)
} else {
    Duration::from_secs(1)
};

#[test]
fn signals_that_mean_nothing_here_do_nothing() {
    let server = scripted(&[]);
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        server.signal(signal).unwrap();
        server.wait_for_log(name);
    }
    assert_eq!(
        server.send(&Request::get("/health/ping")).unwrap().status,
        200
    );
}

#[test]
fn idle_server_at_the_defaults_ends_within_a_second() {
    let command = command("Scripted").env("GRPC_WORKERS", "");
    let mut server = command.args(["--grpc-port", "0"]).start().unwrap();
    let workers = children(server.pid());
    assert_eq!(workers.len(), 2);
    server.signal(Signal::TERM).unwrap();
    let status = server.wait(AT_THE_DEFAULTS).unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(!workers.into_iter().any(runs));
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
    let before = children(server.pid());
    assert_eq!(before.len(), 3);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let found = version(&server);
                    assert!(found == 1 || found == 2, "{found}");
                }
            });
        }
        write_version(folder.path(), "2");
        server.signal(Signal::HUP).unwrap();
        server.wait_for_log("all workers are reloaded");
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!(version(&server), 2);
    eventually("the end of the old workers", || {
        !before.iter().any(|&pid| runs(pid))
    });
    assert_eq!(children(server.pid()).len(), 3);
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

#[test]
fn a_worker_more_and_a_worker_fewer() {
    let command = command("Scripted").env("GRPC_WORKERS", "1");
    let flags = ["--threads", "1", "--grpc-port", "0"];
    let server = command.args(flags).start().unwrap();
    let become_so_many = |count: usize| {
        eventually(&format!("a server with {count} workers"), || {
            children(server.pid()).len() == count
        });
    };
    become_so_many(2);
    server.signal(Signal::TTIN).unwrap();
    become_so_many(4);
    server.wait_for_log("2 workers in place of 1");
    // One worker of each pool remains, however often.
    for _ in 0..3 {
        server.signal(Signal::TTOU).unwrap();
    }
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
