//! More connections than there may be, and who gets a response all the same.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::json;
use streeling_testkit::{Request, Server, ServerCommand};
use tempfile::TempDir;

use crate::metrics::{scrape, value};
use crate::support::{SERVER, TIMEOUT, command, eventually, perform, step, worker};

/// The server under a limit of open files, as a shell's `ulimit` takes it.
fn limited(command: ServerCommand, ulimit: &str) -> (ServerCommand, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("limited");
    let text = format!("#!/bin/sh\nulimit {ulimit} && exec {:?} \"$@\"\n", *SERVER);
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    (command.program(script), folder)
}

fn silent(address: SocketAddr, number: usize) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(address).unwrap();
    (0..number).map(connect).collect()
}

fn of_port(server: &Server, name: &str, port: &str) -> f64 {
    let name = format!("streeling_{name}");
    value(&scrape(server), &name, &[("port", port)])
}

fn probe(server: &Server, path: &str) -> u16 {
    let request = Request::get(path);
    request
        .send(server.metrics_address(), TIMEOUT)
        .unwrap()
        .status
}

#[test]
fn silent_connections_keep_neither_probes_nor_requests_nor_workers_away() {
    // Of 256 descriptors 160 are kept for workers, probes and logs.
    let (command, _folder) = limited(command("Scripted"), "-n 256");
    let server = command.start().unwrap();
    assert_eq!(of_port(&server, "connections_limit", "rest"), 84.0);
    let pid = worker(&server);
    let _silent = silent(server.address(), 126);
    let _probing = silent(server.metrics_address(), 100);
    assert_eq!(
        [probe(&server, "/live"), probe(&server, "/ready")],
        [200, 200]
    );
    assert_eq!(worker(&server), pid);
    assert!(of_port(&server, "connections_shed_total", "rest") > 0.0);
    assert!(of_port(&server, "connections_waited_total", "rest") > 0.0);
    assert!(of_port(&server, "connections_shed_total", "metrics") > 0.0);
    assert_eq!(of_port(&server, "accept_failures_total", "rest"), 0.0);
    let line = server.wait_for_log("the REST port has all the 84 connections");
    assert!(
        line.contains("WARN") && line.contains("--max-connections"),
        "{line}"
    );
    // Neither is a successor of a worker short of descriptors.
    let _more = silent(server.address(), 126);
    server.send(&step("die", &json!({}))).unwrap();
    eventually("a successor", || worker(&server) != pid);
    assert_eq!(probe(&server, "/live"), 200);
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let limits = |pid: u32| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let mut lines = limits.lines();
        let line = lines.find(|line| line.starts_with("Max open files"));
        let mut numbers = line.unwrap().split_whitespace().skip(3);
        [numbers.next().unwrap(), numbers.next().unwrap()].map(str::to_owned)
    };
    // A worker keeps what the server was started with, unless its threads need more.
    for (before, threads, of_worker) in [(300, "1", "300"), (128, "10", "138")] {
        let (command, _folder) = limited(command("Scripted"), &format!("-S -n {before}"));
        let server = command.args(["--threads", threads]).start().unwrap();
        let [soft, hard] = limits(server.pid());
        assert_eq!(soft, hard);
        assert_ne!(soft, before.to_string());
        assert_eq!(limits(worker(&server)), [of_worker.to_owned(), hard]);
    }
}

/// A limit of open files below what is open: from then on there is none more to be had.
#[test]
fn a_server_without_descriptors_waits_for_them_and_starts_its_worker_then() {
    let server = command("Scripted").start().unwrap();
    let pid = |pid: u32| Pid::from_raw(pid.cast_signed());
    let first = worker(&server);
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = |current| {
        let limit = Rlimit { current, maximum };
        prlimit(pid(server.pid()), Resource::Nofile, limit).unwrap();
    };
    let _silent = silent(server.address(), 20);
    limit(Some(3));
    kill_process(pid(first).unwrap(), Signal::KILL).unwrap();
    let line = server.wait_for_log("cannot start a worker yet");
    for part in ["ERROR", "(EMFILE)", "ulimit -n", "--max-connections"] {
        assert!(line.contains(part), "{line}");
    }
    // Longer than seven starts that fail take, after which a server gives up.
    std::thread::sleep(Duration::from_secs(5));
    limit(maximum);
    assert_ne!(worker(&server), first);
    let text = scrape(&server);
    let of_pool = |name: &str| value(&text, name, &[("pool", "rest")]);
    assert!(of_pool("streeling_worker_start_delays_total") >= 5.0);
    assert_eq!(of_pool("streeling_worker_start_failures_total"), 0.0);
    assert_eq!(of_pool("streeling_quarantined_requests"), 0.0);
    assert_eq!(probe(&server, "/ready"), 200);
}

#[test]
fn connections_and_streams_are_as_many_as_the_settings_say() {
    let command = command("Scripted").args(["--max-connections", "3", "--max-streams", "7"]);
    let command = command.env("GRPC_WORKERS", "1").args(["--grpc-port", "0"]);
    let server = command.start().unwrap();
    for port in ["rest", "grpc"] {
        assert_eq!(of_port(&server, "connections_limit", port), 3.0);
    }
    let _silent = silent(server.address(), 3);
    assert_eq!(perform(&server, "pid", &json!({}))["pid"], worker(&server));
    assert!(of_port(&server, "connections_shed_total", "rest") > 0.0);
    let mut client = TcpStream::connect(server.grpc_address()).unwrap();
    client.set_read_timeout(Some(TIMEOUT)).unwrap();
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    client.write_all(hello).unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).unwrap();
    let mut settings = vec![0; usize::from(head[2])];
    client.read_exact(&mut settings).unwrap();
    // The number of streams is the third setting of HTTP/2.
    assert!(
        settings
            .chunks(6)
            .any(|setting| setting == [0, 3, 0, 0, 0, 7])
    );
    // Settings without end.
    let flood = b"\0\0\0\x04\0\0\0\0\0".repeat(2_000);
    // It fails where the connection is cut meanwhile.
    let written = client.write_all(&flood);
    eventually("the cut", || {
        let text = scrape(&server);
        let labels = [("port", "grpc"), ("reason", "flood")];
        value(&text, "streeling_connections_cut_total", &labels) == 1.0
    });
    let line = server.wait_for_log("too many frames (settings)");
    assert!(line.contains("WARN"), "{line} {written:?}");
}
