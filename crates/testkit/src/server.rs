//! A server as a user runs it: the executable, started on a port of the system's choosing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::http::{RawAnswer, Request};

/// Longer than any start or answer takes when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stands before the address in the line that says that the REST port is open.
const SERVING: &str = "serving REST at http://";

/// The same for the gRPC port.
const SERVING_GRPC: &str = "serving gRPC at http://";

/// The same for the metrics port, which opens first.
const SERVING_METRICS: &str = "serving metrics at http://";

/// How a server is run. Its environment is what is set here and nothing else.
#[derive(Clone, Debug)]
pub struct ServerCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    folder: PathBuf,
    holds_output: bool,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It cannot be run.
    #[error("cannot run {}: {source}", program.display())]
    Io {
        /// The executable.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("ended at start with {status}:\n{log}")]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote.
        log: String,
    },
    /// It did not say in time that it serves, or did not end.
    #[error("neither serves nor ended after {} s:\n{log}", PATIENCE.as_secs())]
    Late {
        /// What it wrote.
        log: String,
    },
}

/// How a server ended that was not to be stopped.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; `None` for a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub log: String,
}

/// A server that serves. Dropping it kills its process group.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
}

impl ServerCommand {
    /// Runs `program` in `folder`, without arguments and variables.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            env: BTreeMap::new(),
            folder: folder.into(),
            holds_output: false,
        }
    }

    /// Leaves standard output unread until [`Server::read_output`].
    #[must_use]
    pub fn hold_output(mut self) -> Self {
        self.holds_output = true;
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// Starts the server and waits until it says where it serves.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start(&self) -> Result<Server, ServerError> {
        self.start_until(SERVING)
    }

    /// Starts a server that serves gRPC alone: its [`address`](Server::address) is that port.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start_grpc(&self) -> Result<Server, ServerError> {
        self.start_until(SERVING_GRPC)
    }

    fn start_until(&self, serving: &str) -> Result<Server, ServerError> {
        let mut process = self.spawn()?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let line = process.log.wait_for(serving, Duration::from_millis(100));
            if let Some(address) = line.as_deref().and_then(|line| address(line, serving)) {
                return Ok(Server { process, address });
            }
            if let Some(status) = process.try_wait(&self.program)? {
                let log = process.log.whole();
                return Err(ServerError::Exited { status, log });
            }
        }
        let log = process.log.text();
        Err(ServerError::Late { log })
    }

    /// Starts the server and waits until its metrics port is open, which it is before the component is
    /// loaded; gives that port's address.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start_loading(&self) -> Result<Loading, ServerError> {
        let process = self.spawn()?;
        let line = process.log.wait_for(SERVING_METRICS, PATIENCE);
        match line
            .as_deref()
            .and_then(|line| address(line, SERVING_METRICS))
        {
            Some(metrics) => Ok(Loading { process, metrics }),
            None => Err(ServerError::Late {
                log: process.log.text(),
            }),
        }
    }

    /// Runs the server to its end, which it must come to by itself.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn run(&self) -> Result<Ended, ServerError> {
        let mut process = self.spawn()?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(status) = process.try_wait(&self.program)? {
                return Ok(Ended {
                    code: status.code(),
                    output: process.output.whole(),
                    log: process.log.whole(),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = process.log.text();
        Err(ServerError::Late { log })
    }

    fn spawn(&self) -> Result<Process, ServerError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| ServerError::Io {
                program: self.program.clone(),
                source,
            })?;
        let (held, output) = match child.stdout.take() {
            output if self.holds_output => (output, None),
            output => (None, output),
        };
        let output = Lines::gather(output);
        let log = Lines::gather(child.stderr.take());
        Ok(Process {
            child,
            held,
            output,
            log,
        })
    }
}

/// A server that may still be loading. Dropping it kills its process group.
#[derive(Debug)]
pub struct Loading {
    process: Process,
    metrics: SocketAddr,
}

impl Loading {
    /// Where the metrics port is, on the loopback interface.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// Whether the server has said so far that it serves REST.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.process.log.text().contains(SERVING)
    }
}

impl Server {
    /// Where the server serves, on the loopback interface: the REST port, if it has one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the gRPC port is, on the loopback interface; waits until the server says so.
    ///
    /// # Panics
    ///
    /// When it does not say so.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        let line = self.wait_for_log(SERVING_GRPC);
        address(&line, SERVING_GRPC).unwrap_or_else(|| panic!("no address in \"{line}\""))
    }

    /// Where the metrics port is, on the loopback interface; waits until the server says so.
    ///
    /// # Panics
    ///
    /// When it does not say so.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        let line = self.wait_for_log(SERVING_METRICS);
        address(&line, SERVING_METRICS).unwrap_or_else(|| panic!("no address in \"{line}\""))
    }

    /// The process id of the server itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The lines that the server has written to standard error so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.log.lock().lines.clone()
    }

    /// Waits for a line of the log that has `text` in it.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn wait_for_log(&self, text: &str) -> String {
        match self.process.log.wait_for(text, PATIENCE) {
            Some(line) => line,
            None => panic!("no \"{text}\" in the log:\n{}", self.process.log.text()),
        }
    }

    /// Reads standard output from now on, where it was [held](ServerCommand::hold_output).
    pub fn read_output(&mut self) {
        self.process.output = Lines::gather(self.process.held.take());
    }

    /// The lines that the server has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        self.process.output.lock().lines.clone()
    }

    /// Waits for a line of standard output that has `text` in it.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn wait_for_output(&self, text: &str) -> String {
        match self.process.output.wait_for(text, PATIENCE) {
            Some(line) => line,
            None => panic!(
                "no \"{text}\" in the output:\n{}",
                self.process.output.text()
            ),
        }
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub fn send(&self, request: &Request) -> io::Result<RawAnswer> {
        request.send(self.address, PATIENCE)
    }

    /// Tells the server to end, as a terminal or an orchestrator does.
    ///
    /// # Errors
    ///
    /// When the server has gone already.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.process.pid(), signal)?)
    }

    /// Waits until the server has ended, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut`.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let since = Instant::now();
        while since.elapsed() < timeout {
            if let Some(status) = self.process.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Standard output that nobody reads yet.
    held: Option<ChildStdout>,
    output: Lines,
    log: Lines,
}

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn try_wait(&mut self, program: &std::path::Path) -> Result<Option<ExitStatus>, ServerError> {
        self.child.try_wait().map_err(|source| ServerError::Io {
            program: program.into(),
            source,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, gathered by a thread so that the writer never waits.
#[derive(Clone, Debug)]
struct Lines {
    shared: Arc<(Mutex<Gathered>, Condvar)>,
}

#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<String>,
    /// The pipe has ended.
    whole: bool,
}

impl Lines {
    fn gather(pipe: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self {
            shared: Arc::default(),
        };
        let Some(pipe) = pipe else {
            return lines;
        };
        let writer = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                writer.lock().lines.push(line);
                writer.shared.1.notify_all();
            }
            writer.lock().whole = true;
            writer.shared.1.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        self.lock().lines.join("\n")
    }

    /// All that the pipe held; waits for its end.
    fn whole(&self) -> String {
        let gathered = self
            .shared
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |g| !g.whole);
        drop(gathered);
        self.text()
    }

    fn wait_for(&self, text: &str, patience: Duration) -> Option<String> {
        let since = Instant::now();
        let mut seen = 0;
        let mut gathered = self.lock();
        loop {
            let found = gathered.lines[seen..]
                .iter()
                .find(|line| line.contains(text));
            if let Some(line) = found {
                return Some(line.clone());
            }
            seen = gathered.lines.len();
            let left = patience.checked_sub(since.elapsed())?;
            if gathered.whole {
                return None;
            }
            gathered = self
                .shared
                .1
                .wait_timeout(gathered, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// The address that stands behind `mark` in a line of the log, on the loopback interface.
fn address(line: &str, mark: &str) -> Option<SocketAddr> {
    let rest = &line[line.find(mark)? + mark.len()..];
    let end = rest
        .find(|c: char| !c.is_ascii_hexdigit() && !".:[]".contains(c))
        .unwrap_or(rest.len());
    let served: SocketAddr = rest[..end].parse().ok()?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, served.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ServerCommand {
        ServerCommand::new("/bin/sh", "/")
            .args(["-c", script])
            .env("WORD", "here")
    }

    #[test]
    fn the_address_is_found_in_text_and_in_json() {
        for line in [
            "2026-01-01T00:00:00Z  INFO streeling::server: serving REST at http://0.0.0.0:8080",
            r#"{"level":"INFO","message":"serving REST at http://0.0.0.0:8080","target":"x"}"#,
            "serving REST at http://[::]:8080",
        ] {
            let found = address(line, SERVING).map(|address| address.port());
            assert_eq!(found, Some(8080), "{line}");
        }
        assert_eq!(address("serving REST at http://nowhere", SERVING), None);
    }

    #[test]
    fn a_program_is_run_to_its_end() {
        let ended = shell("echo $WORD; echo there >&2; exit 7").run().unwrap();
        assert_eq!(ended.code, Some(7));
        assert_eq!(
            (ended.output.as_str(), ended.log.as_str()),
            ("here", "there")
        );
    }

    #[test]
    fn a_server_is_watched_and_told_to_end() {
        let script = "trap 'echo bye >&2; exit 3' TERM; echo serving REST at http://0.0.0.0:1 >&2; \
                      echo serving gRPC at http://0.0.0.0:2 >&2; \
                      echo serving metrics at http://0.0.0.0:3 >&2; while true; do sleep 0.01; done";
        let mut server = shell(script).start().unwrap();
        assert_eq!(server.address().port(), 1);
        assert_eq!(server.grpc_address().port(), 2);
        assert_eq!(server.metrics_address().port(), 3);
        assert!(server.wait(Duration::from_millis(20)).is_err());
        server.signal(Signal::TERM).unwrap();
        assert_eq!(server.wait(PATIENCE).unwrap().code(), Some(3));
        assert_eq!(server.wait_for_log("bye"), "bye");
        let grpc = shell("echo serving gRPC at http://0.0.0.0:2 >&2; sleep 60");
        assert_eq!(grpc.start_grpc().unwrap().address().port(), 2);
    }

    #[test]
    fn a_start_that_fails_says_what_was_written() {
        let error = shell("echo no >&2; exit 1").start().unwrap_err();
        assert!(matches!(error, ServerError::Exited { log, .. } if log == "no"));
    }
}
