//! How the server ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streeling_testkit::{Request, Signal};

use crate::support::{PATIENCE, ask, eventually, order, orders, runs, worker};

/// What an idle server may take to end.
const SOON: Duration = Duration::from_secs(2);

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
    let mut server = orders(&["--graceful-timeout", "1"]);
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
        since.elapsed() < Duration::from_secs(10),
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
