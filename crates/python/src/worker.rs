//! One worker process: from its start until the component in it is loaded.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use streeling_core::{ComponentOutput, Wants};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::connection::Connection;
use crate::error::StartError;
use crate::frame::{Fault, HEADER, Header, Kind, VERSION};
use crate::methods::Methods;
use crate::package;
use crate::process::{Launch, Process};

/// From the start of the interpreter to its first frame. A cold disk takes seconds; one that takes
/// longer hangs, for instance in a `sitecustomize`.
const HELLO_TIMEOUT: Duration = Duration::from_secs(60);

/// What a worker needs to know to load a component.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The interpreter: a path, or a name to be looked up on `PATH`.
    pub python: PathBuf,
    /// Put last on the import path.
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
    /// That number is not set: a component whose calls depend on each other is given one call
    /// at a time.
    pub threads_are_default: bool,
    /// Level of Python's root logger, by its name there.
    pub log_level: &'static str,
    /// Whether its lines are JSON objects.
    pub log_as_json: bool,
    /// Whether metrics stay in responses that the server does not look into.
    pub metrics_in_response: bool,
    /// What its requests come over, as the list of processes is to show it: `REST`.
    pub serves: &'static str,
    /// Where the lines go that the component writes.
    pub output: Arc<dyn ComponentOutput>,
    /// For spans that a component records by `opentracing`; `None` while tracing is off.
    pub tracing: Option<WorkerTracing>,
}

/// How a component that records spans by `opentracing` sends them away.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerTracing {
    /// What the server is called in traces.
    pub service: String,
    /// Host and port of the Jaeger agent that the server sends its own spans to; where it sends
    /// them to a collector, the component's client decides.
    pub agent: Option<(String, u16)>,
    /// Tags of every span.
    pub tags: Vec<(String, String)>,
}

impl WorkerConfig {
    /// The component's name, as it is given on the command line.
    pub(crate) fn interface(&self) -> String {
        if self.module == self.class {
            self.class.clone()
        } else {
            format!("{}.{}", self.module, self.class)
        }
    }
}

/// The interpreter of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Interpreter {
    /// Its version.
    pub(crate) python: String,
    /// The version of NumPy in its environment.
    pub(crate) numpy: Option<String>,
}

#[derive(Deserialize)]
struct Hello {
    protocol: u32,
    #[serde(flatten)]
    interpreter: Interpreter,
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
    log_format: &'a str,
    packages: Option<&'a Path>,
    tracing: Option<&'a WorkerTracing>,
    metrics_in_response: bool,
}

/// A worker's description of the component that it has loaded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) methods: Methods,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) metadata_error: Option<String>,
    /// How much of a request as it came the component reads.
    request: Option<Reads>,
    /// The component's pages; `None` where it has none. Of those whose path is fixed, the HTTP
    /// method and the path.
    pages: Option<Vec<(String, String)>>,
    load_seconds: f64,
    /// The class says that its methods may be called on several threads at once.
    thread_safe: bool,
    /// What is probably meant, of a class that defines nothing that is called.
    pub(crate) hint: Option<String>,
    #[serde(skip)]
    pub(crate) interpreter: Interpreter,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Reads {
    Head,
    Whole,
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

    pub(crate) fn wants(&self) -> Wants {
        Wants {
            head: self.request.is_some(),
            body: self.request == Some(Reads::Whole),
            pages: self.pages.is_some(),
        }
    }

    /// Whether the component has a page of this path for this HTTP method.
    pub(crate) fn has_page(&self, verb: &str, path: &str) -> bool {
        let mut pages = self.pages.iter().flatten();
        pages.any(|(of_verb, of_path)| of_verb == verb && of_path == path)
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

        let process = Process::start(Launch {
            python: &config.python,
            shown: [
                config.interface(),
                config.serves.to_owned(),
                slot.to_string(),
            ],
            sockets: theirs,
            slot,
            output: Arc::clone(&config.output),
        })
        .await?;
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
            let interpreter = read_hello(kind, &body)?;
            let packages = self.process.packages();
            write(control, Kind::Load, &load(config, slot, packages)).await?;
            let (kind, body) = read(control).await?;
            let ready = read_ready(config, kind, &body)?;
            Ok(Ready {
                interpreter,
                ..ready
            })
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

fn load(config: &WorkerConfig, slot: usize, packages: Option<&Path>) -> Vec<u8> {
    let load = Load {
        module: &config.module,
        class: &config.class,
        app_dir: &config.app_dir,
        unit_id: config.unit_id.as_deref(),
        image: config.image.as_deref(),
        worker: slot,
        threads: config.threads,
        log_level: config.log_level,
        log_format: if config.log_as_json { "json" } else { "text" },
        packages,
        tracing: config.tracing.as_ref(),
        metrics_in_response: config.metrics_in_response,
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

fn read_hello(kind: Kind, body: &[u8]) -> Result<Interpreter, StartError> {
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
    Ok(hello.interpreter)
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
