//! Workers that are forked from one process, over the wire: what components rely on for which
//! seldon-core makes the object once.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::json;
use streeling_testkit::{Request, Server, ServerCommand, Signal};

use crate::processes::children;
use crate::support::{TIMEOUT, command_in, eventually, send_json};

/// The server for a class of this text.
fn component(folder: &Path, text: &str) -> ServerCommand {
    std::fs::write(folder.join("Model.py"), text).unwrap();
    command_in(folder, "Model")
}

fn predict(server: &Server) -> serde_json::Value {
    let body = json!({"data": {"ndarray": [[1.0, 2.0]]}}).to_string();
    let (status, body) = send_json(server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{body}");
    body
}

/// A port that is free at this moment.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The processes of the server: itself, its template, its workers.
fn processes(server: &Server) -> Vec<u32> {
    let children = children(server.pid());
    children.into_iter().chain([server.pid()]).collect()
}

/// The memory of these processes, in MiB; of what several share, each has its part.
fn memory(processes: &[u32]) -> usize {
    let of = |pid: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap();
        line.split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    processes.iter().map(of).sum::<usize>() / 1024
}

#[test]
fn init_runs_once_and_load_once_in_each_worker() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
class Model:
    def __init__(self):
        # As a download to one place, which two at a time would destroy.
        with open('log', 'a') as log:
            log.write('init\\n')
    def load(self):
        with open('log', 'a') as log:
            log.write('load\\n')
    def predict(self, X, names):
        return [1]
";
    let server = component(folder.path(), text)
        .env("GUNICORN_WORKERS", "2")
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0"])
        .start()
        .unwrap();
    predict(&server);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log, "init\nload\nload\nload\n");
}

#[test]
fn a_model_of_300_mib_is_in_memory_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
import numpy as np
class Model:
    def __init__(self):
        self.weights = np.ones(300 * 1024 * 1024 // 8)
    def predict(self, X, names):
        return [float(self.weights[0])]
";
    let server = component(folder.path(), text)
        .env("GUNICORN_WORKERS", "4")
        .start()
        .unwrap();
    for _ in 0..20 {
        predict(&server);
    }
    let processes = processes(&server);
    assert_eq!(
        processes.len(),
        6,
        "server, template, workers: {processes:?}"
    );
    let memory = memory(&processes);
    assert!(memory < 450, "{memory} MiB");
}

#[test]
fn custom_service_shares_the_memory_that_init_has_made() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
import multiprocessing, os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Model:
    def __init__(self):
        self.calls = multiprocessing.Value('i', 0)
    def predict(self, X, names):
        with self.calls.get_lock():
            self.calls.value += 1
        return [self.calls.value]
    def custom_service(self):
        calls = self.calls
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(str(calls.value).encode())
            def log_message(self, *args):
                pass
        HTTPServer(('127.0.0.1', int(os.environ['OWN_PORT'])), Handler).serve_forever()
";
    let port = free_port();
    let server = component(folder.path(), text)
        .env("OWN_PORT", port.to_string())
        .start()
        .unwrap();
    predict(&server);
    predict(&server);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut text = Vec::new();
    eventually("the component's own server", || {
        let response = Request::get("/").send(address, TIMEOUT);
        text = response.map(|response| response.body).unwrap_or_default();
        !text.is_empty()
    });
    assert_eq!(text, b"2");
}

#[test]
fn a_port_that_init_opens_responds_also_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
import os, socket, threading
class Model:
    def __init__(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(('127.0.0.1', int(os.environ['OWN_PORT'])))
        self.sock.listen()
        threading.Thread(target=self.serve, daemon=True).start()
    def serve(self):
        while True:
            self.sock.accept()[0].sendall(b'one')
    def predict(self, X, names):
        return [1]
";
    let port = free_port();
    let server = component(folder.path(), text)
        .env("OWN_PORT", port.to_string())
        .env("GUNICORN_WORKERS", "2")
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0"])
        .start()
        .unwrap();
    let responds = |expected: &str| {
        let mut text = String::new();
        let stream = TcpStream::connect(("127.0.0.1", port));
        stream.is_ok_and(|mut stream| stream.read_to_string(&mut text).is_ok() && text == expected)
    };
    assert!(responds("one"));
    predict(&server);

    std::fs::write(
        folder.path().join("Model.py"),
        text.replace("b'one'", "b'two'"),
    )
    .unwrap();
    server.signal(Signal::HUP).unwrap();
    server.wait_for_log("all workers are reloaded");
    assert!(responds("two"));
    predict(&server);
}

#[test]
fn native_threads_of_init_are_no_reason_to_hang() {
    let folder = tempfile::tempdir().unwrap();
    // As OpenMP's: a call that waits for threads which a fork would not have.
    let text = "\
import ctypes, os
class Model:
    def __init__(self):
        self.pid = os.getpid()
        thread = ctypes.c_ulong()
        libc = ctypes.CDLL(None)
        libc.pthread_create(ctypes.byref(thread), None, libc.pause, None)
    def predict(self, X, names):
        return [len(os.listdir('/proc/self/task')) > 1, self.pid == os.getpid()]
";
    let server = component(folder.path(), text)
        .env("GUNICORN_WORKERS", "2")
        .args(["--single-threaded"])
        .start()
        .unwrap();
    server.wait_for_log("workers are not forked from one process");
    assert_eq!(predict(&server)["data"]["ndarray"], json!([true, true]));
    assert_eq!(
        processes(&server).len(),
        3,
        "server and workers, no template"
    );
}
