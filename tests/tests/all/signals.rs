//! What the server does at signals, and how it ends.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand, Signal};

use crate::processes::children;
use crate::support::{
    PATIENCE, PYTHON, SERVER, ask, command, command_in, eventually, order, orders, runs, worker,
};

/// What an idle server may take to end.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn idle_server_ends_at_once_with_its_workers() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = orders(&[]);
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
fn request_under_way_is_answered_first() {
    let mut server = orders(&[]);
    let worker = worker(&server);
    let answer = std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            ask(
                &server,
                &order("sleep", &json!({"seconds": 1, "number": 7})),
            )
        });
        server.wait_for_log("asleep with 7");
        server.signal(Signal::TERM).unwrap();
        call.join().unwrap()
    });
    assert_eq!(
        (answer.0, &answer.1["jsonData"]),
        (200, &json!({"number": 7}))
    );
    assert_eq!(server.wait(SOON).unwrap().code(), Some(0));
    assert!(!runs(worker));
}

#[test]
fn request_that_outlasts_the_grace_does_not_hold_the_server() {
    let mut server = orders(&["--graceful-timeout", "4"]);
    let worker = worker(&server);
    let since = Instant::now();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&order("sleep", &json!({"seconds": 60}))));
        server.wait_for_log("asleep with 0");
        server.signal(Signal::TERM).unwrap();
        let answer = call.join().unwrap();
        assert!(answer.is_err() || answer.unwrap().status != 200);
    });
    server.wait(PATIENCE).unwrap();
    assert!(
        since.elapsed() < Duration::from_secs(8),
        "{:?}",
        since.elapsed()
    );
    eventually("the end of the worker", || !runs(worker));
}

#[test]
fn workers_end_when_the_server_is_killed() {
    let mut server = orders(&["--workers", "2", "--threads", "1"]);
    let pids: Vec<u32> = std::thread::scope(|scope| {
        let ask = |_| scope.spawn(|| ask(&server, &order("pid", &json!({"after": 0.5}))));
        let calls: Vec<_> = (0..2).map(ask).collect();
        let answers = calls.into_iter().map(|call| call.join().unwrap().1);
        answers
            .map(|answer: Value| crate::support::pid(&answer["jsonData"]))
            .collect()
    });
    assert!(pids.iter().all(|&pid| runs(pid)));
    server.signal(Signal::KILL).unwrap();
    server.wait(SOON).unwrap();
    eventually("the end of the workers", || {
        !pids.iter().any(|&pid| runs(pid))
    });
}

/// One second is what is promised; a machine that does other things as well gets more.
const AT_THE_DEFAULTS: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(5)
} else {
    Duration::from_secs(1)
};

#[test]
fn signals_that_mean_nothing_here_do_nothing() {
    let server = orders(&[]);
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
    let command = command("Orders").env("GRPC_WORKERS", "");
    let mut server = command.args(["--grpc-port", "0"]).start().unwrap();
    let workers = children(server.pid());
    assert_eq!(workers.len(), 2);
    server.signal(Signal::TERM).unwrap();
    let status = server.wait(AT_THE_DEFAULTS).unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(!workers.into_iter().any(runs));
}

/// A component that answers `version`, made of code that can be written anew.
fn write_version(folder: &Path, version: &str) {
    let text = format!(
        "class Version:\n\
         \x20   def predict(self, X, names):\n\
         \x20       return {{'version': {version}}}\n"
    );
    // In one step, so that no worker reads half of it.
    fs::write(folder.join("new"), text).unwrap();
    fs::rename(folder.join("new"), folder.join("Version.py")).unwrap();
}

fn version(server: &Server) -> Value {
    let body = json!({"data": {"ndarray": [[1.0]]}}).to_string();
    let (status, mut answer) = ask(server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{answer}");
    answer["jsonData"]["version"].take()
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
                    let answered = version(&server);
                    assert!(answered == 1 || answered == 2, "{answered}");
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
    let command = command("Orders").env("GRPC_WORKERS", "1");
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
    // Of each pool one remains, however often.
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
    assert_eq!(ask(&server, &Request::json("/predict", body)).0, 503);
    assert_eq!(server.wait(PATIENCE).unwrap().code(), Some(1));
    let line = server.wait_for_log("the server gives up");
    assert!(line.contains("ERROR"), "{line}");
    server.wait_for_log("FileExistsError");
}
