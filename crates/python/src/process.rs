//! A process that runs the component: how it is started or taken over, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use streeling_core::{ComponentOutput, StandardStream};
use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::StartError;
use crate::lack::lack;
use crate::orphans::{self, Adopted};
use crate::output::forward;
use crate::package::{self, Packages};

/// The control socket in the process; 0 to 2 are the standard streams.
const CONTROL_FD: i32 = 3;

/// Variables of the server alone, which the component has no business with: they are secrets.
/// Everything else of the environment is the component's as it is.
const OURS: &[&str] = &["STREELING_AUTH_TOKEN"];

/// From the signal that kills a process to its end. One that the system keeps in a call, for a disk
/// or a device that does not respond, ends only after that; its memory is given back then.
pub(crate) const KILLED_TIMEOUT: Duration = Duration::from_secs(5);

/// What a process has written before its end is there at once.
const LAST_LINES_TIMEOUT: Duration = Duration::from_millis(200);

/// Where the lines go that a process writes.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) output: Arc<dyn ComponentOutput>,
    /// The worker's slot; a template has none.
    pub(crate) slot: Arc<OnceLock<usize>>,
}

/// How a process ended; `None` as long as it runs.
type End = Option<Result<ExitStatus, String>>;

/// A process and its group; what is left of the group is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    group: Arc<Group>,
    end: watch::Receiver<End>,
    /// What passes on its standard streams, until they end.
    forwards: JoinSet<()>,
    lines: Lines,
    packages: Option<Arc<Packages>>,
}

impl Process {
    /// Starts an interpreter, which reads its program from standard input: on its command line
    /// there is nothing that is not meant to be read by people, `shown`. It inherits `control`.
    pub(crate) async fn start(
        python: &Path,
        shown: &[String],
        control: OwnedFd,
        lines: Lines,
    ) -> Result<Self, StartError> {
        let mut command = std::process::Command::new(python);
        command.arg("-").args(shown);
        for name in OURS {
            command.env_remove(name);
        }
        command
            .fd_mappings(vec![FdMapping {
                parent_fd: control,
                child_fd: CONTROL_FD,
            }])
            .map_err(|error| StartError::Protocol(error.to_string()))?;
        let mut command = Command::from(command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let start = move || {
            let started = orphans::start(|| {
                let child = command.spawn()?;
                let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
                Ok((pid.ok_or(io::ErrorKind::NotFound)?, child))
            });
            // They are written here, too, since that may take a while.
            Ok((started?, package::packages()))
        };
        let ((awaited, mut child), packages) =
            crate::spawn::spawn(start)
                .await
                .map_err(|source| match lack(&source) {
                    Some(_) => StartError::Lack { source },
                    None => StartError::Spawn {
                        python: python.to_owned(),
                        source,
                    },
                })?;
        if let Some(mut stdin) = child.stdin.take() {
            // A process that does not read it has ended, or is found to be silent.
            let program = package::program(CONTROL_FD);
            tokio::spawn(async move { stdin.write_all(program.as_bytes()).await });
        }
        let (out, error) = (child.stdout.take(), child.stderr.take());
        let group = awaited.0;
        let end = async move {
            let status = child.wait().await;
            drop(awaited);
            status
        };
        let mut process = Self::new(group, end, lines, packages);
        process.forward(out, StandardStream::Output);
        process.forward(error, StandardStream::Error);
        Ok(process)
    }

    /// Takes over a process that another one has forked, and the ends of the pipes to which it
    /// writes.
    pub(crate) fn adopt(
        pid: Pid,
        [out, error]: [OwnedFd; 2],
        lines: Lines,
        packages: Option<Arc<Packages>>,
    ) -> io::Result<Self> {
        let adopted = Adopted::new(pid)?;
        let end = async move {
            let status = adopted.wait().await?;
            Ok(ExitStatus::from_raw(status.as_raw()))
        };
        let mut process = Self::new(pid, end, lines, packages);
        let pipe = |fd| pipe::Receiver::from_owned_fd(fd).map(Some);
        process.forward(pipe(out)?, StandardStream::Output);
        process.forward(pipe(error)?, StandardStream::Error);
        Ok(process)
    }

    fn new(
        group: Pid,
        end: impl Future<Output = io::Result<ExitStatus>> + Send + 'static,
        lines: Lines,
        packages: Option<Arc<Packages>>,
    ) -> Self {
        let (ended, receiver) = watch::channel(None);
        // It is waited for also when this is dropped, so that nothing is left of it.
        tokio::spawn(async move {
            let status = end.await.map_err(|error| error.to_string());
            ended.send_replace(Some(status));
        });
        Self {
            group: Arc::new(Group(group)),
            end: receiver,
            forwards: JoinSet::new(),
            lines,
            packages,
        }
    }

    fn forward(
        &mut self,
        pipe: Option<impl AsyncRead + Unpin + Send + 'static>,
        stream: StandardStream,
    ) {
        let Some(pipe) = pipe else { return };
        let Lines { output, slot } = self.lines.clone();
        self.forwards
            .spawn(async move { forward(pipe, stream, &slot, &*output).await });
    }

    /// From now on it is the worker of this slot.
    pub(crate) fn set_slot(&self, slot: usize) {
        // A process that is started as a worker has its slot from the start.
        let _ = self.lines.slot.set(slot);
    }

    /// The process's id, to signal it and not its group.
    pub(crate) fn pid(&self) -> Pid {
        self.group.0
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.group.0.as_raw_nonzero().get().unsigned_abs()
    }

    /// The packages as files, which are there as long as something has them.
    pub(crate) fn packages(&self) -> Option<&Arc<Packages>> {
        self.packages.as_ref()
    }

    /// Waits for the process to end, and for what it has written last.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.ended().await;
        let written = async { while self.forwards.join_next().await.is_some() {} };
        // A process that it has started may keep the streams open.
        let _ = tokio::time::timeout(LAST_LINES_TIMEOUT, written).await;
        self.forwards.detach_all();
        status
    }

    /// The same for one that has been killed: an error where it has not ended in time. Whenever it
    /// does, its status is taken.
    pub(crate) async fn wait_killed(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let waited = tokio::time::timeout(timeout, self.wait()).await;
        waited.unwrap_or_else(|_| {
            tracing::error!(
                pid = self.id(),
                "a process has not ended within {timeout:?} of SIGKILL: the system keeps it \
                 in a call (state D), and its memory until it has returned"
            );
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it has not ended within {timeout:?} of SIGKILL"),
            ))
        })
    }

    /// Ready when the process has ended. It may outlive this.
    pub(crate) fn ended(&self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let mut end = self.end.clone();
        async move {
            let end = end.wait_for(Option::is_some).await;
            let end = end.map_err(|_| io::Error::other("the runtime is going down"))?;
            let status = end.clone().expect("it was waited for");
            status.map_err(io::Error::other)
        }
    }

    /// Keeps the process and all that it has started alive when this is dropped.
    pub(crate) fn guard(&self) -> Arc<Group> {
        Arc::clone(&self.group)
    }

    /// Sends SIGTERM to the process and all that it has started.
    pub(crate) fn terminate(&self) {
        self.group.signal(Signal::TERM);
    }

    /// Kills the process and all that it has started.
    pub(crate) fn kill(&self) {
        self.group.signal(Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // They end with the streams.
        self.forwards.detach_all();
    }
}

/// A group of processes, of which what is left is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Group(Pid);

impl Group {
    fn signal(&self, signal: Signal) {
        // The group outlives its leader only while it has members, so there may be none.
        let _ = rustix::process::kill_process_group(self.0, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::os::unix::process::CommandExt as _;

    use super::*;

    #[derive(Debug)]
    struct Silent;

    impl ComponentOutput for Silent {
        fn write(&self, _: StandardStream, _: Option<usize>, _: &[u8]) {}
    }

    #[tokio::test]
    async fn a_process_that_the_system_does_not_end_is_not_waited_for() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = Lines {
            output: Arc::new(Silent),
            slot: Arc::default(),
        };
        // As of a process in a call that does not return.
        let group = Pid::from_child(&child);
        let mut process = Process::new(group, pending(), lines, None);
        process.kill();
        let error = process
            .wait_killed(Duration::from_millis(20))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(
            error.to_string().contains("within 20ms of SIGKILL"),
            "{error}"
        );
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }
}
