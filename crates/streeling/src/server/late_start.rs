//! Servers with workers in a program that goes on: a start that fails late leaves nothing there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};
use streeling_config::{Annotations, Environment, Settings};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::Server;
use crate::control::{Controller, controller};
use crate::error::ServeError;
use crate::features::FEATURES;

/// Guards against a hang.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Every process that runs it is known by a file. A worker loads until there is a file `go`, and
/// the first one raises once there is a file `fail`.
const CLASS: &str = r#"
import os
import time


def leave(what):
    with open(os.path.join(os.path.dirname(__file__), f"{what}-{os.getpid()}"), "w"):
        pass


def exists(what):
    return os.path.exists(os.path.join(os.path.dirname(__file__), what))


leave("process")


class Late:
    def load(self):
        leave("process")
        leave("load")
        while not exists("go"):
            time.sleep(0.01)
            if exists("fail"):
                try:
                    os.mkdir(os.path.join(os.path.dirname(__file__), "first"))
                except FileExistsError:
                    continue
                raise ValueError("it fails late")

    def predict(self, X, names):
        return X
"#;

/// A server that starts in this process, and where it runs.
struct Embedded {
    folder: TempDir,
    rest: SocketAddr,
    metrics: SocketAddr,
    controller: Controller,
    run: JoinHandle<Result<(), ServeError>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the interpreter of the tests is a property of the machine, not a setting"
)]
fn python() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/runtime/bin/python");
    let python = std::env::var_os("STREELING_TEST_PYTHON").map_or(made, PathBuf::from);
    assert!(
        python.exists(),
        "no {}: run `cargo xtask test`, which makes it, or name a Python with NumPy in \
         STREELING_TEST_PYTHON",
        python.display()
    );
    python
}

/// An address that is free now. The system hands out no such port twice in a row.
fn free() -> SocketAddr {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    port.local_addr().unwrap()
}

async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < TIMEOUT, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Embedded {
    /// With two workers for REST and one for gRPC, in the middle of their load.
    async fn loading(worker_start: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Late.py"), CLASS).unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        let (rest, metrics) = (free(), free());
        let (rest_port, metrics_port) = (rest.port().to_string(), metrics.port().to_string());
        let pidfile = folder.path().join("run/pid");
        let app_dir = folder.path().to_str().unwrap();
        let mut arguments = vec!["streeling", "Late", "--app-dir", app_dir];
        arguments.extend(["--host", "127.0.0.1", "--http-port", &rest_port]);
        arguments.extend(["--grpc-port", "0", "--metrics-port", &metrics_port]);
        arguments.extend(["--workers", "2", "--grpc-workers", "1", "--threads", "1"]);
        arguments.extend(["--pidfile", pidfile.to_str().unwrap()]);
        arguments.extend(["--worker-start", worker_start]);
        arguments.extend(flags);
        let python = python();
        let environment = Environment::from_iter([("STREELING_PYTHON", python.to_str().unwrap())]);
        let loaded = Settings::load(
            FEATURES,
            arguments.into_iter().map(Into::into),
            &environment,
            &Annotations::default(),
        );
        let (controller, control) = controller();
        let server = Server::new(loaded.unwrap().settings);
        let run = tokio::spawn(server.run(control));
        let embedded = Self {
            folder,
            rest,
            metrics,
            controller,
            run,
        };
        until("the load of all workers", || {
            embedded.pids("load").len() == 3
        })
        .await;
        assert!(TcpStream::connect(metrics).is_ok());
        embedded
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    fn pids(&self, what: &str) -> Vec<Pid> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let pids = names.filter_map(|name| {
            let pid = name.strip_prefix(what)?.strip_prefix('-')?;
            Pid::from_raw(pid.parse().unwrap())
        });
        pids.collect()
    }

    /// Nothing is left of a server that has ended.
    async fn leaves_nothing(self) {
        let pids = self.pids("process");
        assert!(pids.len() >= 3, "{pids:?}");
        for pid in pids {
            // It is not even a zombie.
            until(&format!("the end of process {pid}"), || {
                test_kill_process(pid).is_err()
            })
            .await;
        }
        assert!(!self.path("run/pid").exists());
        // A process that another test starts has the ports, too, for a moment.
        for address in [self.rest, self.metrics] {
            until(&format!("a free port at {address}"), || {
                TcpStream::connect(address).is_err() && TcpListener::bind(address).is_ok()
            })
            .await;
        }
    }

    async fn fails(&mut self, expected: &str) {
        let ended = tokio::time::timeout(TIMEOUT, &mut self.run).await;
        let error = ended.unwrap().unwrap().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

const STARTS: [&str; 2] = ["fork", "spawn"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_another_program_has_opened_meanwhile() {
    for start in STARTS {
        let mut server = Embedded::loading(start, &[]).await;
        let other = TcpListener::bind(server.rest).unwrap();
        server.make("go");
        server.fails("in use").await;
        drop(other);
        server.leaves_nothing().await;
    }
}

/// The ports open while the component still loads, which it would go on with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_cannot_be_opened_while_the_component_loads() {
    for start in STARTS {
        let mut server = Embedded::loading(start, &["--bind-deadline", "5"]).await;
        let other = TcpListener::bind(server.rest).unwrap();
        server.fails("in use").await;
        drop(other);
        server.leaves_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pid_file_that_cannot_be_written() {
    let mut server = Embedded::loading("fork", &[]).await;
    fs::remove_dir_all(server.path("run")).unwrap();
    server.make("go");
    server.fails("pid").await;
    server.leaves_nothing().await;
}

/// One worker raises, the others would load for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_after_the_ports_have_opened() {
    for start in STARTS {
        let mut server = Embedded::loading(start, &["--bind-deadline", "1"]).await;
        until("an open port", || TcpStream::connect(server.rest).is_ok()).await;
        server.make("fail");
        server.fails("it fails late").await;
        server.leaves_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_before_they_do() {
    let mut server = Embedded::loading("fork", &[]).await;
    server.make("fail");
    server.fails("it fails late").await;
    server.leaves_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_the_component_loads() {
    let mut server = Embedded::loading("fork", &[]).await;
    server.controller.stop(Duration::ZERO);
    let ended = tokio::time::timeout(TIMEOUT, &mut server.run).await;
    ended.unwrap().unwrap().unwrap();
    server.leaves_nothing().await;
}

/// The program may drop the future, as in a timeout of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_dropped() {
    for (start, is_loaded) in [
        ("fork", false),
        ("spawn", false),
        ("fork", true),
        ("spawn", true),
    ] {
        let mut server = Embedded::loading(start, &[]).await;
        if is_loaded {
            server.make("go");
            until("an open port", || TcpStream::connect(server.rest).is_ok()).await;
        }
        server.run.abort();
        let ended = tokio::time::timeout(TIMEOUT, &mut server.run).await;
        assert!(ended.unwrap().unwrap_err().is_cancelled());
        until("a closed metrics port", || {
            TcpStream::connect(server.metrics).is_err()
        })
        .await;
        server.leaves_nothing().await;
    }
}
