//! The process of a worker: how it is started, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use streeling_core::{ComponentOutput, StandardStream};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::error::StartError;
use crate::output::forward;
use crate::package::{self, Packages};

/// The first descriptor that a worker inherits; 0 to 2 are the standard streams.
const FIRST_FD: i32 = 3;

/// What a process has written before its end is there at once.
const LAST_LINES_TIMEOUT: Duration = Duration::from_millis(200);

/// How a process is to be started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// The interpreter.
    pub(crate) python: &'a Path,
    /// What a list of processes shows of it.
    pub(crate) shown: [String; 3],
    /// What it inherits: the control socket, then the data sockets.
    pub(crate) sockets: Vec<OwnedFd>,
    /// Its worker slot.
    pub(crate) slot: usize,
    /// Where the lines go that it writes.
    pub(crate) output: Arc<dyn ComponentOutput>,
}

/// A process and its group; what is left of the group is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
    /// What passes on its standard streams, until they end.
    forwards: JoinSet<()>,
    packages: Option<Arc<Packages>>,
}

impl Process {
    /// Starts an interpreter, which reads its program from standard input: on its command line
    /// there is nothing that is not meant to be read by people.
    pub(crate) async fn start(launch: Launch<'_>) -> Result<Self, StartError> {
        let mut command = std::process::Command::new(launch.python);
        command.arg("-").args(launch.shown);
        let mappings: Vec<FdMapping> = (FIRST_FD..)
            .zip(launch.sockets)
            .map(|(child_fd, parent_fd)| FdMapping {
                parent_fd,
                child_fd,
            })
            .collect();
        let numbers = mappings.iter().map(|mapping| mapping.child_fd);
        let program = package::program(numbers);
        command
            .fd_mappings(mappings)
            .map_err(|error| StartError::Protocol(error.to_string()))?;
        let mut command = Command::from(command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        // The packages are written here, too, since that may take a while.
        let (mut child, packages) =
            crate::spawn::spawn(move || Ok((command.spawn()?, package::packages())))
                .await
                .map_err(|source| StartError::Spawn {
                    python: launch.python.to_owned(),
                    source,
                })?;
        if let Some(mut stdin) = child.stdin.take() {
            // A process that does not read it has ended, or is found to be silent.
            tokio::spawn(async move { stdin.write_all(program.as_bytes()).await });
        }
        let mut forwards = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            let output = Arc::clone(&launch.output);
            let stream = StandardStream::Output;
            forwards.spawn(async move { forward(pipe, stream, launch.slot, &*output).await });
        }
        if let Some(pipe) = child.stderr.take() {
            let output = launch.output;
            let stream = StandardStream::Error;
            forwards.spawn(async move { forward(pipe, stream, launch.slot, &*output).await });
        }
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| StartError::Socket(io::ErrorKind::NotFound.into()))?;
        Ok(Self {
            child,
            group,
            forwards,
            packages,
        })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// The folder that has the packages as files, as long as this process lives.
    pub(crate) fn packages(&self) -> Option<&Path> {
        self.packages.as_deref().map(Packages::path)
    }

    /// Waits for the process to end, and for what it has written last.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        let written = async { while self.forwards.join_next().await.is_some() {} };
        // A process that it has started may keep the streams open.
        let _ = tokio::time::timeout(LAST_LINES_TIMEOUT, written).await;
        self.forwards.detach_all();
        status
    }

    /// Sends SIGTERM to the process and all that it has started.
    pub(crate) fn terminate(&self) {
        // As below.
        let _ = rustix::process::kill_process_group(self.group, Signal::TERM);
    }

    /// Kills the process and all that it has started.
    pub(crate) fn kill(&self) {
        // The group outlives its leader only while it has members, so there may be none.
        let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        // They end with the streams.
        self.forwards.detach_all();
    }
}
