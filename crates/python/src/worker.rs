//! One worker process: from its start to the moment it can serve, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use streeling_core::{Encoding, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::frame::{Fault, HEADER, Header, Kind, VERSION};
use crate::link::Link;
use crate::package;

/// The first descriptor that a worker inherits; 0 to 2 are the standard streams.
const FIRST_FD: i32 = 3;

/// From the start of the interpreter to its first frame. A cold disk takes seconds; one that takes
/// longer hangs, for instance in a `sitecustomize`.
const HELLO: Duration = Duration::from_secs(60);

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
    /// Id of the unit in the graph.
    pub unit_id: Option<String>,
    /// Image that the unit runs from; names the model where its metadata does not.
    pub image: Option<String>,
    /// Threads that call the component.
    pub threads: usize,
    /// Level of Python's root logger, by its name there.
    pub log_level: &'static str,
}

/// Why a worker did not come to serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The interpreter could not be started.
    #[error("cannot start the interpreter '{}' (--python, STREELING_PYTHON)", python.display())]
    Spawn {
        /// The interpreter that was tried.
        python: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The component could not be imported, constructed or loaded.
    #[error("cannot {stage} the component '{name}'\n{}", traceback.trim_end())]
    Component {
        /// `import`, `construct`, `load`, or `get the metadata of`.
        stage: &'static str,
        /// Module and class.
        name: String,
        /// Python's own traceback; its last line is the exception's text.
        traceback: String,
    },
    /// The process ended before it was ready.
    #[error(
        "the worker ended before the component was loaded ({status}); its interpreter is '{}' \
         (--python, STREELING_PYTHON)",
        python.display()
    )]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The interpreter.
        python: PathBuf,
    },
    /// The interpreter did not say hello.
    #[error(
        "'{}' said nothing for {} s after its start (--python, STREELING_PYTHON)",
        python.display(), HELLO.as_secs()
    )]
    Silent {
        /// The interpreter.
        python: PathBuf,
    },
    /// The other side speaks another protocol.
    #[error("the worker does not keep to the protocol: {0}")]
    Protocol(String),
    /// The sockets failed.
    #[error("the worker cannot be talked to")]
    Socket(#[from] io::Error),
    /// The component was loaded, and the process was lost before it had answered anything.
    #[error("the worker was lost soon after its start: {0}")]
    Lost(String),
    /// One worker failed too often in a row.
    #[error("worker {slot} failed {tries} times in a row; the last time: {last}")]
    GaveUp {
        /// The worker's number.
        slot: usize,
        /// How often it was tried.
        tries: u32,
        /// Why it failed the last time.
        #[source]
        last: Arc<Self>,
    },
    /// The pool was stopped meanwhile.
    #[error("the workers were not started, since the server is going down")]
    Stopped,
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Protocol(fault.to_string())
    }
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
    app_dir: &'a std::path::Path,
    unit_id: Option<&'a str>,
    image: Option<&'a str>,
    worker: usize,
    threads: usize,
    log_level: &'a str,
}

/// What a component turned out to be when it was loaded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) methods: Methods,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) metadata_error: Option<String>,
    pub(crate) load_seconds: f64,
}

/// The methods that a class defines, plain and raw, a bit for each.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) struct Methods(u32);

impl Methods {
    /// `custom_service`, above the bits of the methods.
    const SERVICE: u32 = 1 << (Method::ALL.len() * 3);

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// 22 bits from the lowest on.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn has(self, method: Method) -> bool {
        self.0 & Self::plain(method) != 0
    }

    /// Whether the class has a method for whole messages that come in this encoding.
    pub(crate) fn has_whole(self, method: Method, encoding: Encoding) -> bool {
        self.0 & Self::whole(method, encoding) != 0
    }

    /// Whether the class has a server of its own to run.
    pub(crate) fn has_service(self) -> bool {
        self.0 & Self::SERVICE != 0
    }

    fn plain(method: Method) -> u32 {
        1 << (method.code() - 1)
    }

    fn whole(method: Method, encoding: Encoding) -> u32 {
        Self::plain(method) << (Method::ALL.len() * (1 + encoding as usize))
    }
}

impl From<Vec<String>> for Methods {
    fn from(names: Vec<String>) -> Self {
        let defined = |wanted: &str| names.iter().any(|name| name == wanted);
        let mut bits = if defined("custom_service") {
            Self::SERVICE
        } else {
            0
        };
        for method in Method::ALL {
            let named = |suffix: &str| defined(&format!("{}{suffix}", method.name()));
            if named("") {
                bits |= Self::plain(method);
            }
            for encoding in [Encoding::Json, Encoding::Protobuf] {
                let takes = named("_raw")
                    || match (method, encoding) {
                        (Method::HealthStatus, _) => false,
                        // Feedback comes as protobuf either way.
                        (Method::SendFeedback, _) => named("_rest") || named("_grpc"),
                        (_, Encoding::Json) => named("_rest"),
                        (_, Encoding::Protobuf) => named("_grpc"),
                    };
                if takes {
                    bits |= Self::whole(method, encoding);
                }
            }
        }
        Self(bits)
    }
}

#[derive(Deserialize)]
struct Failed {
    stage: Stage,
    traceback: String,
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

/// A worker that has loaded its component.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) links: Arc<[Link]>,
    pub(crate) ready: Ready,
    pub(crate) process: Process,
    /// Kept open: its end is how the worker learns that the front is gone.
    _control: UnixStream,
}

/// A process with its group; whatever is left of the group is killed when it is dropped.
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

    /// Asks the process, and whatever it has started, to end.
    pub(crate) fn terminate(&self) {
        // As below.
        let _ = rustix::process::kill_process_group(self.group, Signal::TERM);
    }

    /// Kills the process and whatever it has started.
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
    /// Starts a process for `slot` and waits until the component in it is loaded.
    pub(crate) async fn start(config: &WorkerConfig, slot: usize) -> Result<Self, StartError> {
        let (mut control, control_theirs) = pair()?;
        let mut theirs = vec![control_theirs];
        let mut links = Vec::with_capacity(config.threads);
        for _ in 0..config.threads {
            let (ours, other) = pair()?;
            links.push(Link::new(ours));
            theirs.push(other);
        }

        let mut process = spawn(config, theirs, slot).await?;
        let start = async {
            write(&mut control, Kind::Package, &package::sources()).await?;
            let hello = tokio::time::timeout(HELLO, read(&mut control));
            let (kind, body) = hello.await.map_err(|_| {
                let python = config.python.clone();
                StartError::Silent { python }
            })??;
            greet(kind, &body, slot)?;
            write(&mut control, Kind::Load, &load(config, slot)).await?;
            let (kind, body) = read(&mut control).await?;
            outcome(config, kind, &body)
        };
        let started = start.await;
        let ready = match started {
            // The socket only says that the worker is gone; its exit status says more.
            Err(StartError::Socket(error)) => {
                let ended = tokio::time::timeout(Duration::from_secs(1), process.wait()).await;
                return Err(match ended {
                    Ok(Ok(status)) => StartError::Exited {
                        status,
                        python: config.python.clone(),
                    },
                    _ => StartError::Socket(error),
                });
            }
            other => other?,
        };
        Ok(Self {
            links: links.into(),
            ready,
            process,
            _control: control,
        })
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

fn greet(kind: Kind, body: &[u8], slot: usize) -> Result<(), StartError> {
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

fn outcome(config: &WorkerConfig, kind: Kind, body: &[u8]) -> Result<Ready, StartError> {
    match kind {
        Kind::Ready => parse(body),
        Kind::Failed => {
            let Failed { stage, traceback } = parse(body)?;
            let name = format!("{}.{}", config.module, config.class);
            Err(StartError::Component {
                stage: stage.verb(),
                name,
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
