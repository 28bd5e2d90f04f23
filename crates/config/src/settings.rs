use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::interface::InterfaceName;
use crate::parameters::Parameters;
use crate::tracing::Tracing;

/// What is compiled in, of what a build may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// The REST server.
    pub rest: bool,
    /// The gRPC server.
    pub grpc: bool,
    /// The metrics server, with the health probes.
    pub metrics: bool,
    /// The exporter of traces to a Jaeger agent.
    pub jaeger: bool,
    /// The exporter of traces by OTLP.
    pub otlp: bool,
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self {
        rest: true,
        grpc: true,
        metrics: true,
        jaeger: true,
        otlp: true,
    };
}

/// Everything that can be set, checked and typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What to serve.
    pub interface: InterfaceName,
    /// What it is in an inference graph.
    pub service_type: ServiceType,
    /// What the class is called with.
    pub parameters: Parameters,
    /// Laid over the component's metadata: one JSON object, made of the YAML that was given.
    pub model_metadata: Option<String>,
    /// Hand the component raw bytes, and send its bytes as they are.
    pub payload_passthrough: bool,
    /// Run as a development server.
    pub debug: bool,
    /// Load the component once and say what would be served, instead of serving.
    pub check: bool,
    /// File that holds the process id while the server serves.
    pub pidfile: Option<PathBuf>,
    /// Address of all ports.
    pub host: IpAddr,
    /// Interpreter and import path.
    pub python: Python,
    /// The REST server.
    pub rest: Rest,
    /// The gRPC server.
    pub grpc: Grpc,
    /// The metrics server, and metrics in responses.
    pub metrics: Metrics,
    /// What holds for the workers of both transports.
    pub workers: Workers,
    /// The log.
    pub log: Log,
    /// Tracing; `None`: it is off.
    pub tracing: Option<Tracing>,
    /// What this unit is in its deployment.
    pub identity: Identity,
}

impl Settings {
    /// Where REST is served. Port 0: the system chooses.
    pub fn rest_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.rest.port)
    }

    /// Where gRPC is served. Port 0: the system chooses.
    pub fn grpc_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.grpc.port)
    }

    /// Where metrics are served. Port 0: the system chooses.
    pub fn metrics_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.metrics.port)
    }
}

/// How Python components are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// A path, or a bare name to be looked up on `PATH`.
    pub interpreter: PathBuf,
    /// Folder put first on the import path; `.` is the working directory.
    pub app_dir: PathBuf,
}

/// The REST server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// 0: the system chooses.
    pub port: u16,
    /// Worker processes; 0 only in a build without REST.
    pub workers: u32,
    /// Threads in each, at least 1; already 1 where workers are to be single-threaded.
    pub threads: u32,
    /// How long an idle connection is kept open; zero: it is closed after its response.
    pub keepalive: Duration,
    /// Deadline of one request. Never zero.
    pub timeout: Option<Duration>,
    /// Largest request and response, in bytes, from 1 to 2^31 - 1.
    pub max_body: usize,
}

/// The gRPC server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grpc {
    /// 0: the system chooses.
    pub port: u16,
    /// Worker processes; 0: there is no gRPC server.
    pub workers: u32,
    /// Threads in each, at least 1; already 1 where workers are to be single-threaded.
    pub threads: u32,
    /// Deadline of one request. Never zero.
    pub timeout: Option<Duration>,
    /// Largest message, in bytes, from 1 to 2^31 - 1.
    pub max_message: usize,
}

/// Metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// 0: the system chooses.
    pub port: u16,
    /// Path, with `/` at its start.
    pub endpoint: String,
    /// Put the component's metrics into the response's `meta`.
    pub in_response: bool,
}

/// What holds for the workers of both transports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workers {
    /// Whether the transports share them.
    pub pool: WorkerPool,
    /// One thread each. The thread counts of [`Rest`] and [`Grpc`] follow it already.
    pub single_threaded: bool,
    /// Requests after which one is replaced; 0: never.
    pub max_requests: u32,
    /// Most that is added to it at random.
    pub max_requests_jitter: u32,
    /// Requests that may wait, at least 1.
    pub max_queue: u32,
    /// Time given to requests under way at SIGTERM.
    pub graceful_timeout: Duration,
    /// Time after which ports open although workers still load.
    pub bind_deadline: Duration,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Least level that is logged; already DEBUG in debug mode.
    pub level: LogLevel,
    /// Form of the lines.
    pub format: LogFormat,
    /// Log every request.
    pub access: bool,
    /// Leave scrapes of the metrics endpoint out of that.
    pub filter_scrapes: bool,
}

/// What this unit is in its deployment. Everything is as the operator wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name of this unit in the graph.
    pub unit: Option<String>,
    /// Its container image, with its version.
    pub image: Option<String>,
    /// Name of the predictor.
    pub predictor: Option<String>,
    /// Labels of the predictor.
    pub labels: BTreeMap<String, String>,
    /// Name of the deployment.
    pub deployment: Option<String>,
    /// Whether an orchestrator forwards the requests.
    pub executor: bool,
}

/// An enum that is a word on the command line.
pub(crate) trait Word: Copy + 'static {
    /// The words of the setting's row, with their values.
    const WORDS: &'static [(&'static str, Self)];
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word that users know it by.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
        }
    };
}

words! {
    /// What a component is in an inference graph.
    ServiceType {
        /// It predicts.
        Model = "MODEL",
        /// It chooses a child.
        Router = "ROUTER",
        /// It transforms inputs or outputs.
        Transformer = "TRANSFORMER",
        /// It makes one response of many.
        Combiner = "COMBINER",
        /// It marks outliers.
        OutlierDetector = "OUTLIER_DETECTOR",
    }
}

words! {
    /// Levels of the log.
    LogLevel {
        /// All there is.
        Debug = "DEBUG",
        /// What an operator wants to know.
        Info = "INFO",
        /// What may be wrong.
        Warning = "WARNING",
        /// What is wrong.
        Error = "ERROR",
    }
}

words! {
    /// Form of the log lines.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines: an object on every line.
        Json = "json",
    }
}

words! {
    /// Whether the transports share the workers.
    WorkerPool {
        /// REST and gRPC have workers of their own.
        Separate = "separate",
        /// Both are served by the same ones.
        Shared = "shared",
    }
}
