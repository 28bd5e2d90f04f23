//! One worker process: from its start until the component in it is loaded.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::connection::Connection;
use crate::error::StartError;
use crate::frame::{Fault, HEADER, Header, Kind, VERSION};
use crate::methods::Methods;
use crate::package;

/// The first descriptor that a worker inherits; 0 to 2 are the standard streams.
const FIRST_FD: i32 = 3;

/// From the start of the interpreter to its first frame. A cold disk takes seconds; one that takes
/// longer hangs, for instance in a `sitecustomize`.
const HELLO_TIMEOUT: Duration = Duration::from_secs(60);

/// What a worker needs to know to load a component.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The interpreter: a path, or a name to be looked up on `PATH`.
    pub python: PathBuf,
    /// Put first on the import path.
    pub app_dir: PathBuf,
    /// The module to import.
    pub module: String,
    /// The class (or callable) in it.
    pub class: String,
    /// Keyword arguments for it: one JSON object, in the dialect of Python's `json`.
    pub parameters: String,
    /// Laid over what `init_metadata` returns: one JSON object, in the same dialect.
    pub metadata: Option<String>,
    /// Id of the component in the graph.
    pub unit_id: Option<String>,
    /// Image that the component runs from; names the model where its metadata does not.
    pub image: Option<String>,
    /// Threads that call the component.
    pub threads: usize,
    /// Nobody has set that number: a component whose calls depend on each other is given one call
    /// at a time.
    pub threads_are_default: bool,
    /// Level of Python's root logger, by its name there.
    pub log_level: &'static str,
}

#[derive(Deserialize)]
struct Hello {
    protocol: u32,
    python: String,
    numpy: Option<String>,
}

#[derive(Serialize)]
struct Load<'a> {
    module: &'a str,
    class: &'a str,
    app_dir: &'a Path,
    unit_id: Option<&'a str>,
    image: Option<&'a str>,
    worker: usize,
    threads: usize,
    log_level: &'a str,
}

/// A worker's description of the component that it has loaded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) methods: Methods,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) metadata_error: Option<String>,
    load_seconds: f64,
    /// The class says that its methods may be called on several threads at once.
    thread_safe: bool,
    /// What is probably meant, of a class that defines nothing that is called.
    pub(crate) hint: Option<String>,
}

impl Ready {
    /// How long import, construction and load took together.
    pub(crate) fn load_time(&self) -> Duration {
        Duration::try_from_secs_f64(self.load_seconds).unwrap_or_default()
    }

    /// Whether a response has what `tags` or `metrics` return after the call: the usual class
    /// leaves that on the object, where another call would replace it meanwhile.
    pub(crate) fn is_stateful(&self) -> bool {
        self.methods.annotates() && !self.thread_safe
    }
}

#[derive(Deserialize)]
struct Failed {
    stage: Stage,
    traceback: String,
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Import,
    Construct,
    Load,
    Metadata,
}

impl Stage {
    fn verb(&self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Construct => "construct",
            Self::Load => "load",
            Self::Metadata => "get the metadata of",
        }
    }
}

/// A worker process that has loaded its component.
#[derive(Debug)]
pub(crate) struct Worker {
    /// One for each thread.
    pub(crate) connections: Arc<[Connection]>,
    pub(crate) ready: Ready,
    pub(crate) process: Process,
    /// Kept open: at its end the worker knows that the server is gone.
    _control: UnixStream,
}

/// A process and its group; what is left of the group is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for the process to end.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
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
    }
}

impl Worker {
    /// How many calls the worker is given at the same time.
    pub(crate) fn concurrency(&self, config: &WorkerConfig) -> usize {
        if config.threads_are_default && self.ready.is_stateful() {
            1
        } else {
            self.connections.len()
        }
    }

    /// Starts a process for `slot` and waits until the component in it is loaded.
    pub(crate) async fn start(config: &WorkerConfig, slot: usize) -> Result<Self, StartError> {
        let mut starting = Starting::spawn(config, slot).await?;
        let ready = starting.load(config, slot).await?;
        let Starting {
            connections,
            process,
            control,
        } = starting;
        Ok(Self {
            connections: connections.into(),
            ready,
            process,
            _control: control,
        })
    }
}

/// A process that may not have loaded its component yet.
#[derive(Debug)]
pub(crate) struct Starting {
    connections: Vec<Connection>,
    pub(crate) process: Process,
    control: UnixStream,
}

impl Starting {
    /// Starts the process.
    pub(crate) async fn spawn(config: &WorkerConfig, slot: usize) -> Result<Self, StartError> {
        let (control, control_theirs) = pair()?;
        let mut theirs = vec![control_theirs];
        let mut connections = Vec::with_capacity(config.threads);
        for _ in 0..config.threads {
            let (ours, other) = pair()?;
            connections.push(Connection::new(ours));
            theirs.push(other);
        }

        let process = spawn(config, theirs, slot).await?;
        Ok(Self {
            connections,
            process,
            control,
        })
    }

    /// Has the process load the component. It is to be called once.
    pub(crate) async fn load(
        &mut self,
        config: &WorkerConfig,
        slot: usize,
    ) -> Result<Ready, StartError> {
        let control = &mut self.control;
        let start = async {
            write(control, Kind::Package, &package::sources()).await?;
            let hello = tokio::time::timeout(HELLO_TIMEOUT, read(control));
            let (kind, body) = hello.await.map_err(|_| StartError::Silent {
                python: config.python.clone(),
                timeout: HELLO_TIMEOUT,
            })??;
            check_hello(kind, &body, slot)?;
            write(control, Kind::Load, &load(config, slot)).await?;
            let (kind, body) = read(control).await?;
            read_ready(config, kind, &body)
        };
        match start.await {
            // The socket only shows that the worker is gone; its exit status tells more.
            Err(StartError::Socket(error)) => {
                let ended = tokio::time::timeout(Duration::from_secs(1), self.process.wait()).await;
                Err(match ended {
                    Ok(Ok(status)) => StartError::Exited {
                        status,
                        python: config.python.clone(),
                    },
                    _ => StartError::Socket(error),
                })
            }
            other => other,
        }
    }
}

fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

async fn spawn(
    config: &WorkerConfig,
    theirs: Vec<OwnedFd>,
    slot: usize,
) -> Result<Process, StartError> {
    let mut command = std::process::Command::new(&config.python);
    command.arg("-c").arg(package::BOOTSTRAP);
    let mut mappings = Vec::with_capacity(theirs.len());
    for (child_fd, parent_fd) in (FIRST_FD..).zip(theirs) {
        command.arg(child_fd.to_string());
        mappings.push(FdMapping {
            parent_fd,
            child_fd,
        });
    }
    command
        .fd_mappings(mappings)
        .map_err(|error| StartError::Protocol(error.to_string()))?;
    let mut command = Command::from(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = crate::spawn::spawn(command)
        .await
        .map_err(|source| StartError::Spawn {
            python: config.python.clone(),
            source,
        })?;
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(crate::log::forward(stdout, slot, "stdout"));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(crate::log::forward(stderr, slot, "stderr"));
    }
    let group = child
        .id()
        .and_then(|id| Pid::from_raw(id.cast_signed()))
        .ok_or_else(|| StartError::Socket(io::ErrorKind::NotFound.into()))?;
    Ok(Process { child, group })
}

fn load(config: &WorkerConfig, slot: usize) -> Vec<u8> {
    let load = Load {
        module: &config.module,
        class: &config.class,
        app_dir: &config.app_dir,
        unit_id: config.unit_id.as_deref(),
        image: config.image.as_deref(),
        worker: slot,
        threads: config.threads,
        log_level: config.log_level,
    };
    let mut text =
        serde_json::to_vec(&load).expect("paths are checked to be UTF-8 when settings are read");
    // Added as text: `NaN` and integers of any length are Python's JSON, not serde's.
    let metadata = config.metadata.as_deref().unwrap_or("null");
    text.pop();
    let rest = format!(
        ",\"parameters\":{},\"metadata\":{metadata}}}",
        config.parameters
    );
    text.extend_from_slice(rest.as_bytes());
    text
}

fn check_hello(kind: Kind, body: &[u8], slot: usize) -> Result<(), StartError> {
    if kind != Kind::Hello {
        return Err(Fault::Unexpected(kind).into());
    }
    let hello: Hello = parse(body)?;
    if hello.protocol != VERSION {
        return Err(StartError::Protocol(format!(
            "it speaks version {}, the server speaks version {VERSION}",
            hello.protocol
        )));
    }
    tracing::debug!(
        worker = slot,
        python = hello.python,
        numpy = hello.numpy.as_deref().unwrap_or("none"),
        "interpreter is up"
    );
    Ok(())
}

fn read_ready(config: &WorkerConfig, kind: Kind, body: &[u8]) -> Result<Ready, StartError> {
    match kind {
        Kind::Ready => parse(body),
        Kind::Failed => {
            let Failed {
                stage,
                traceback,
                hint,
            } = parse(body)?;
            let name = format!("{}.{}", config.module, config.class);
            Err(StartError::Component {
                stage: stage.verb(),
                name,
                hint: hint.map_or_else(String::new, |hint| format!(": {hint}")),
                traceback,
            })
        }
        other => Err(Fault::Unexpected(other).into()),
    }
}

fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, StartError> {
    serde_json::from_slice(body).map_err(|error| Fault::Json(error.to_string()).into())
}

async fn write(control: &mut UnixStream, kind: Kind, body: &[u8]) -> io::Result<()> {
    control
        .write_all(&Header::control(kind, body.len()).encode())
        .await?;
    control.write_all(body).await
}

/// Frames on the control socket are written by our own package before and after the component's
/// code has run; what they hold is a traceback at most.
const LARGEST_CONTROL: u64 = 16 << 20;

async fn read(control: &mut UnixStream) -> Result<(Kind, Vec<u8>), StartError> {
    let mut head = [0; HEADER];
    control.read_exact(&mut head).await?;
    let header = Header::decode(&head)?;
    if header.length > LARGEST_CONTROL {
        return Err(StartError::Protocol(format!(
            "a control frame of {} bytes",
            header.length
        )));
    }
    let mut body = vec![0; header.length as usize];
    control.read_exact(&mut body).await?;
    Ok((header.kind, body))
}
