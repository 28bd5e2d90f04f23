//! What every test starts from: the executable, the interpreter, the components.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand, Stubs};
use tempfile::TempDir;

/// Guards against a hang: longer than anything that a test waits for takes on the slowest machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The server, built beside this test.
pub(crate) static SERVER: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let server = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("streeling");
    assert!(
        server.exists(),
        "no {}: run `cargo xtask test`, or `cargo build -p streeling` before this",
        server.display()
    );
    server
});

/// A Python with NumPy.
pub(crate) static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    made_by_xtask(
        "STREELING_TEST_PYTHON",
        "target/venv/runtime/bin/python",
        "a Python with NumPy",
    )
});

/// seldon-core's gRPC stubs, in a Python that has them.
pub(crate) static STUBS: LazyLock<Stubs> = LazyLock::new(|| {
    let python = made_by_xtask(
        "STREELING_TEST_STUBS",
        "target/venv/stubs/bin/python",
        "a Python with seldon-core's gRPC stubs",
    );
    Stubs::new(python, root())
});

/// grpcurl.
pub(crate) static GRPCURL: LazyLock<PathBuf> = LazyLock::new(|| {
    made_by_xtask(
        "STREELING_TEST_GRPCURL",
        "target/tools/bin/grpcurl",
        "grpcurl",
    )
});

/// A program that `cargo xtask test` installs at `path`, unless the variable names another.
#[expect(
    clippy::disallowed_methods,
    reason = "which programs there are, is the machine's matter and not a setting of the server"
)]
pub(crate) fn made_by_xtask(variable: &str, path: &str, what: &str) -> PathBuf {
    let program = std::env::var_os(variable).map_or_else(|| root().join(path), PathBuf::from);
    assert!(
        program.exists(),
        "no {}: run `cargo xtask test`, which makes it, or name {what} in {variable}",
        program.display()
    );
    program
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The server for `component` of `tests/components`, on a free port.
pub(crate) fn command(component: &str) -> ServerCommand {
    command_in(&root().join("tests/components"), component)
}

/// The server for `component` in `folder`, on a free port.
pub(crate) fn command_in(folder: &Path, component: &str) -> ServerCommand {
    bare_command(folder)
        .env("STREELING_PYTHON", &*PYTHON)
        .args([component, "--http-port", "0"])
}

/// How the workers of all servers are started; the default is that of the server.
#[expect(
    clippy::disallowed_methods,
    reason = "which way is tested is no setting"
)]
pub(crate) static WORKER_START: LazyLock<String> = LazyLock::new(|| {
    std::env::var("STREELING_TEST_WORKER_START").unwrap_or_else(|_| "auto".to_owned())
});

/// The server without arguments, in a small environment.
pub(crate) fn bare_command(folder: &Path) -> ServerCommand {
    ServerCommand::new(&*SERVER, folder)
        .env("STREELING_WORKER_START", &*WORKER_START)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0")
        // It would be another process for every server, and few tests need it.
        .env("GRPC_WORKERS", "0")
}

/// A component of both transports that needs no Python.
pub(crate) fn echo() -> ServerCommand {
    bare_command(root())
        .args(["rust:echo", "--host", "127.0.0.1"])
        .args(["--http-port", "0", "--grpc-port", "0"])
        .env("GRPC_WORKERS", "1")
}

/// A running `Scripted`.
pub(crate) fn scripted(flags: &[&str]) -> Server {
    command("Scripted").args(flags).start().unwrap()
}

/// The request for a step of `Scripted`.
pub(crate) fn step(name: &str, with: &Value) -> Request {
    let body = json!({"jsonData": {"step": name, "with": with}});
    Request::json("/predict", body.to_string())
}

/// Sends a request; the status and the JSON of the response.
pub(crate) fn send_json(server: &Server, request: &Request) -> (u16, Value) {
    let response = server.send(request).unwrap();
    let body = String::from_utf8(response.body).unwrap();
    let json = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    (response.status, json)
}

/// What `Scripted` returns for a step that succeeds.
pub(crate) fn perform(server: &Server, name: &str, with: &Value) -> Value {
    let (status, mut body) = send_json(server, &step(name, with));
    assert_eq!(status, 200, "{body}");
    body["jsonData"].take()
}

/// What holds calls in the component until it is opened: a file that is not there yet.
pub(crate) struct Gate(TempDir);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The name of the file.
    pub(crate) fn file(&self) -> String {
        self.0.path().join("open").to_str().unwrap().to_owned()
    }

    /// The request for `Scripted` to hold a call; the log says `held with` the number.
    pub(crate) fn hold(&self, number: u32) -> Request {
        step("hold", &json!({"until": self.file(), "number": number}))
    }

    pub(crate) fn open(&self) {
        std::fs::write(self.file(), "").unwrap();
    }
}

/// Calls `again` on so many threads, over and over, until `work` has returned or panicked.
pub(crate) fn meanwhile(threads: usize, again: impl Fn() + Sync, work: impl FnOnce()) {
    /// Ends the others when a panic leaves the scope, which would wait for them without end.
    struct Ended<'a>(&'a AtomicBool);

    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ended = Ended(&ended);
        for _ in 0..threads {
            scope.spawn(|| {
                again();
                while !ended.load(Ordering::Relaxed) {
                    again();
                }
            });
        }
        work();
    });
}

/// The process id of a worker.
pub(crate) fn worker(server: &Server) -> u32 {
    pid(&perform(server, "pid", &json!({})))
}

/// The process id in a response.
pub(crate) fn pid(response: &Value) -> u32 {
    u32::try_from(response["pid"].as_u64().unwrap()).unwrap()
}

/// Whether a process runs; a zombie does not.
pub(crate) fn runs(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    !matches!(state, Some('Z' | 'X'))
}

/// Waits until `happened` says so.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < TIMEOUT, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}
