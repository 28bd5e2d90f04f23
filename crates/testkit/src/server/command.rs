//! How a server is started.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::lines::{Lines, TIMEOUT};
use super::process::Process;
use super::running::{
    Loading, SERVING, SERVING_GRPC, SERVING_HEALTH, SERVING_METRICS, Server, address,
};

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
    #[error("neither serves nor ended after {} s:\n{log}", TIMEOUT.as_secs())]
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

    /// Runs this program in place of the one that it was made with.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
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

    /// Starts a server whose REST port has health alone: its [`address`](Server::address) is that
    /// port.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start_health(&self) -> Result<Server, ServerError> {
        self.start_until(SERVING_HEALTH)
    }

    fn start_until(&self, serving: &str) -> Result<Server, ServerError> {
        let mut process = self.spawn()?;
        let since = Instant::now();
        while since.elapsed() < TIMEOUT {
            let line = process.log.wait_for(serving, Duration::from_millis(100));
            if let Some(address) = line.as_deref().and_then(|line| address(line, serving)) {
                return Ok(Server { process, address });
            }
            if let Some(status) = self.try_wait(&mut process)? {
                let log = process.log.whole();
                return Err(ServerError::Exited { status, log });
            }
        }
        let log = process.log.text();
        Err(ServerError::Late { log })
    }

    /// Starts the server and waits until its metrics port is open, which it is before the component
    /// is loaded; gives that port's address.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start_loading(&self) -> Result<Loading, ServerError> {
        let process = self.spawn()?;
        let line = process.log.wait_for(SERVING_METRICS, TIMEOUT);
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
        while since.elapsed() < TIMEOUT {
            if let Some(status) = self.try_wait(&mut process)? {
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

    fn try_wait(&self, process: &mut Process) -> Result<Option<ExitStatus>, ServerError> {
        process.child.try_wait().map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> ServerError {
        ServerError::Io {
            program: self.program.clone(),
            source,
        }
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
            .map_err(|source| self.io(source))?;
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

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::*;

    fn shell(script: &str) -> ServerCommand {
        ServerCommand::new("/bin/sh", "/")
            .args(["-c", script])
            .env("WORD", "here")
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
    fn a_server_is_observed_and_ends_at_a_signal() {
        let script = "trap 'echo bye >&2; exit 3' TERM; echo serving REST at http://0.0.0.0:1 >&2; \
                      echo serving gRPC at http://0.0.0.0:2 >&2; \
                      echo serving metrics at http://0.0.0.0:3 >&2; \
                      while true; do sleep 0.01; done";
        let mut server = shell(script).start().unwrap();
        assert_eq!(server.address().port(), 1);
        assert_eq!(server.grpc_address().port(), 2);
        assert_eq!(server.metrics_address().port(), 3);
        assert!(server.wait(Duration::from_millis(20)).is_err());
        server.signal(Signal::TERM).unwrap();
        assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(3));
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
