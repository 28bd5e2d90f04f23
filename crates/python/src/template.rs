//! A process that has constructed the component: workers are forked from it, or it becomes one.

use std::io;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::component::{ComponentConfig, LoadIn, WorkerConfig, WorkerTracing};
use crate::control::Control;
use crate::error::StartError;
use crate::exit::EXIT_TIMEOUT;
use crate::frame::{Fault, Kind, VERSION};
use crate::lack::lack;
use crate::package;
use crate::process::{Lines, Process};

/// From the start of the interpreter to its first frame. A cold disk takes seconds; one that takes
/// longer hangs, for instance in a `sitecustomize`.
const HELLO_TIMEOUT: Duration = Duration::from_secs(60);

/// From the request for a worker to its first frame. A template that does nothing else takes some
/// milliseconds; one whose own threads hold the interpreter lock takes longer.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);

/// From the end of a process's socket to the process's own, where that has failed.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// Room for the words that a list of processes shows of a worker, which take the place of the
/// template's: what its requests come over, and its number.
const ROOM_FOR_WORDS: usize = 24;

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
struct Construct<'a> {
    module: &'a str,
    class: &'a str,
    app_dir: &'a std::path::Path,
    image: Option<&'a str>,
    worker: Option<usize>,
    threads: usize,
    log_level: &'a str,
    log_format: &'a str,
    max_decoded: usize,
    max_files: Option<u64>,
    packages: Option<&'a std::path::Path>,
    tracing: Option<&'a WorkerTracing>,
    metrics_in_response: bool,
    load_in: LoadIn,
    fork: bool,
    server: u32,
}

/// What a process says of itself when it has constructed the component.
#[derive(Debug, Deserialize)]
pub(crate) struct Constructed {
    /// How long import and construction took.
    seconds: f64,
    /// Why workers should not be forked from it.
    pub(crate) obstacle: Option<String>,
    /// The component's own threads, which do not live in forked workers.
    pub(crate) threads: Vec<String>,
    /// The component listens at a port of its own.
    pub(crate) listens: bool,
}

impl Constructed {
    pub(crate) fn time(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Forked {
    pid: i32,
}

#[derive(Deserialize)]
struct Failed {
    stage: Stage,
    message: String,
    traceback: String,
    hint: Option<String>,
    /// The system's number of the error, where no process could be made.
    errno: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Import,
    Construct,
    Load,
    Metadata,
    Fork,
}

impl Stage {
    fn verb(&self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Construct => "construct",
            Self::Load => "load",
            Self::Metadata => "get the metadata of",
            Self::Fork => "fork",
        }
    }
}

/// A process in which an interpreter has started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) control: Arc<Control>,
    pub(crate) process: Process,
    pub(crate) interpreter: Interpreter,
}

/// A process that has constructed the component.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) control: Arc<Control>,
    pub(crate) process: Process,
    pub(crate) interpreter: Interpreter,
    pub(crate) constructed: Constructed,
}

impl Started {
    /// Starts an interpreter, for the worker of a slot or, without one, for a template.
    pub(crate) async fn start(
        config: &ComponentConfig,
        worker: Option<(&WorkerConfig, usize)>,
    ) -> Result<Self, StartError> {
        let (control, theirs) = Control::pair()?;
        let slot = Arc::new(OnceLock::new());
        let shown = match worker {
            Some((worker, number)) => {
                slot.get_or_init(|| number);
                words(config, worker, number)
            }
            None => vec![
                config.interface(),
                "template".to_owned(),
                " ".repeat(ROOM_FOR_WORDS),
            ],
        };
        let lines = Lines {
            output: Arc::clone(&config.output),
            slot,
        };
        let mut process = Process::start(&config.python, &shown, theirs, lines).await?;
        let hello = async {
            control.send(Kind::Package, &package::sources()).await?;
            let hello = timeout(HELLO_TIMEOUT, control.receive());
            let (kind, body) = hello.await.map_err(|_| StartError::Silent {
                python: config.python.clone(),
                timeout: HELLO_TIMEOUT,
            })??;
            read_hello(kind, &body)
        };
        let interpreter = hello.await;
        Ok(Self {
            interpreter: explained(interpreter, &mut process, config).await?,
            control: Arc::new(control),
            process,
        })
    }

    /// Has the process construct the component, and look whether it `may_fork`.
    pub(crate) async fn construct(
        mut self,
        config: &ComponentConfig,
        may_fork: bool,
        slot: Option<usize>,
    ) -> Result<Template, StartError> {
        let packages = self.process.packages().map(|packages| packages.path());
        let frame = construct(config, may_fork, slot, packages);
        let construct = async {
            self.control.send(Kind::Construct, &frame).await?;
            let (kind, body) = self.control.receive().await?;
            match kind {
                Kind::Constructed => parse(&body),
                other => Err(failed(config, other, &body)),
            }
        };
        let constructed = construct.await;
        Ok(Template {
            constructed: explained(constructed, &mut self.process, config).await?,
            control: self.control,
            process: self.process,
            interpreter: self.interpreter,
        })
    }
}

/// A template from which workers are forked. It ends when nothing has it any more: neither what
/// would fork a worker, nor a worker, which may use what it has made.
#[derive(Debug)]
pub(crate) struct ForkServer {
    template: Template,
    /// Locked while a worker is forked.
    forking: tokio::sync::Mutex<()>,
}

impl ForkServer {
    pub(crate) fn new(template: Template) -> Self {
        Self {
            template,
            forking: tokio::sync::Mutex::default(),
        }
    }

    /// Forks a worker, which becomes a process of this one.
    pub(crate) async fn fork(
        &self,
        config: &ComponentConfig,
        slot: usize,
    ) -> Result<(Arc<Control>, Process), StartError> {
        // So the time limit holds for one alone.
        let _alone = self.forking.lock().await;
        let (control, theirs) = Control::pair()?;
        let (out, out_theirs) = io::pipe()?;
        let (error, error_theirs) = io::pipe()?;
        let descriptors = [theirs, out_theirs.into(), error_theirs.into()];
        self.control
            .send_descriptors(Kind::Fork, &descriptors)
            .await?;
        drop(descriptors);
        let forked = timeout(FORK_TIMEOUT, control.receive());
        let (kind, body) = forked.await.map_err(|_| {
            let seconds = FORK_TIMEOUT.as_secs();
            StartError::Fork(format!(
                "the template has not forked one within {seconds} s"
            ))
        })??;
        if kind != Kind::Forked {
            return Err(failed(config, kind, &body));
        }
        let Forked { pid } = parse(&body)?;
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("a process without id"))?;
        let lines = Lines {
            output: Arc::clone(&config.output),
            slot: Arc::new(slot.into()),
        };
        let pipes = [OwnedFd::from(out), error.into()];
        let packages = self.process.packages().cloned();
        let process = Process::adopt(pid, pipes, lines, packages)?;
        Ok((Arc::new(control), process))
    }

    /// Whether the process has ended, or does so just now: its socket shows it first.
    pub(crate) async fn ends(&self) -> bool {
        timeout(STATUS_TIMEOUT, self.process.ended()).await.is_ok()
    }

    /// What it listens at, others may from then on.
    pub(crate) async fn release_port(&self) {
        // Where it has gone, so has its port.
        let _ = self.control.send(Kind::Release, b"").await;
    }

    /// Has the process end in its own way, and waits for that as long as it may take.
    pub(crate) async fn end(&self) {
        self.control.close();
        end(self.process.ended()).await;
    }
}

impl Deref for ForkServer {
    type Target = Template;

    fn deref(&self) -> &Template {
        &self.template
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        self.control.close();
        // Without a runtime the server is going down, and kills what is left.
        if let Ok(runtime) = Handle::try_current() {
            let guard = self.process.guard();
            let ended = self.process.ended();
            runtime.spawn(async move {
                end(ended).await;
                drop(guard);
            });
        }
    }
}

async fn end(ended: impl Future) {
    if timeout(EXIT_TIMEOUT, ended).await.is_err() {
        tracing::warn!("a template is killed: it did not exit within {EXIT_TIMEOUT:?}");
    }
}

/// What a list of processes shows of a worker, behind its interpreter.
pub(crate) fn words(config: &ComponentConfig, worker: &WorkerConfig, slot: usize) -> Vec<String> {
    vec![
        config.interface(),
        worker.serves.to_owned(),
        slot.to_string(),
    ]
}

fn construct(
    config: &ComponentConfig,
    may_fork: bool,
    slot: Option<usize>,
    packages: Option<&std::path::Path>,
) -> Vec<u8> {
    let construct = Construct {
        module: &config.module,
        class: &config.class,
        app_dir: &config.app_dir,
        image: config.image.as_deref(),
        worker: slot,
        threads: config.threads,
        log_level: config.log_level,
        log_format: if config.log_as_json { "json" } else { "text" },
        max_decoded: config.max_decoded,
        max_files: config.max_files,
        packages,
        tracing: config.tracing.as_ref(),
        metrics_in_response: config.metrics_in_response,
        load_in: config.load_in,
        fork: may_fork,
        server: std::process::id(),
    };
    let mut text = serde_json::to_vec(&construct)
        .expect("paths are checked to be UTF-8 when settings are read");
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

pub(crate) fn read_hello(kind: Kind, body: &[u8]) -> Result<Interpreter, StartError> {
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

/// Why a process has not done what was asked of it, from the frame that it has sent instead.
pub(crate) fn failed(config: &ComponentConfig, kind: Kind, body: &[u8]) -> StartError {
    if kind != Kind::Failed {
        return Fault::Unexpected(kind).into();
    }
    match parse(body) {
        Ok(Failed {
            stage: Stage::Fork,
            message,
            errno,
            ..
        }) => match errno.map(io::Error::from_raw_os_error) {
            Some(source) if lack(&source).is_some() => StartError::Lack { source },
            _ => StartError::Fork(message),
        },
        Ok(Failed {
            stage,
            traceback,
            hint,
            ..
        }) => StartError::Component {
            stage: stage.verb(),
            name: format!("{}.{}", config.module, config.class),
            hint: hint.map_or_else(String::new, |hint| format!(": {hint}")),
            traceback,
        },
        Err(fault) => fault,
    }
}

pub(crate) fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, StartError> {
    serde_json::from_slice(body).map_err(|error| Fault::Json(error.to_string()).into())
}

/// A socket that fails only shows that the process is gone; its exit status tells more.
pub(crate) async fn explained<T>(
    result: Result<T, StartError>,
    process: &mut Process,
    config: &ComponentConfig,
) -> Result<T, StartError> {
    match result {
        Err(StartError::Socket(error)) => {
            Err(match timeout(STATUS_TIMEOUT, process.wait()).await {
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
