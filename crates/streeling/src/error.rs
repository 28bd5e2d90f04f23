//! Why a server did not start, or stopped.

#[cfg(feature = "python")]
use std::io::ErrorKind;

use crate::pidfile::PidfileError;

/// The machine may lack the address rather than the port.
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
const HOST: &str = ", or another address with --host or STREELING_HOST";

const NOTHING: &str = if cfg!(feature = "rest") {
    "--workers (GUNICORN_WORKERS) and --grpc-workers (GRPC_WORKERS) are both 0; set one of them \
     above 0"
} else {
    "this build has no REST server, and gRPC has no workers; build with the feature 'rest', or set \
     --grpc-workers (GRPC_WORKERS) above 0"
};

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A port cannot be had.
    #[cfg(feature = "rest")]
    #[error(
        "{0}: choose another REST port with --http-port or PREDICTIVE_UNIT_HTTP_SERVICE_PORT{HOST}"
    )]
    RestPort(#[source] streeling_net::BindError),
    /// A port cannot be had.
    #[cfg(feature = "grpc")]
    #[error(
        "{0}: choose another gRPC port with --grpc-port or PREDICTIVE_UNIT_GRPC_SERVICE_PORT{HOST}"
    )]
    GrpcPort(#[source] streeling_net::BindError),
    /// A port cannot be had.
    #[cfg(feature = "metrics")]
    #[error(
        "{0}: choose another metrics port with --metrics-port or \
         PREDICTIVE_UNIT_METRICS_SERVICE_PORT{HOST}"
    )]
    MetricsPort(#[source] streeling_net::BindError),
    /// A file of TLS cannot be used.
    #[cfg(feature = "tls")]
    #[error("{setting}: {source}")]
    Tls {
        /// Flag and variables of the file.
        setting: &'static str,
        /// Which file it is, and what is wrong with it.
        source: streeling_net::TlsError,
    },
    /// The bearer token cannot be used.
    #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
    #[error("{setting}: {source}")]
    Token {
        /// Flag and variable, and the file if there is one.
        setting: String,
        /// What is wrong with it.
        source: streeling_net::TokenError,
    },
    /// The system gave no thread that looks after files of TLS and tokens.
    #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
    #[error("cannot look after the files of TLS and tokens: {0}")]
    Secrets(#[source] std::io::Error),
    /// The pid file cannot be used.
    #[error(transparent)]
    Pidfile(#[from] PidfileError),
    /// The interpreter cannot be started.
    #[cfg(feature = "python")]
    #[error(
        "--python (STREELING_PYTHON): {python:?} cannot be started ({source}), it must be an \
         executable file or the name of one on PATH"
    )]
    Interpreter {
        /// The interpreter, as the settings name it.
        python: std::path::PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The component could not be loaded.
    #[cfg(feature = "python")]
    #[error(transparent)]
    Component(streeling_python::StartError),
    /// Workers were lost, and no new one came to serve.
    #[cfg(feature = "python")]
    #[error("the server gives up: {0}")]
    GaveUp(#[source] streeling_python::StartError),
    /// Spans cannot be sent as the settings say.
    #[cfg(any(feature = "jaeger", feature = "otlp"))]
    #[error(transparent)]
    Traces(#[from] streeling_tracing::StartError),
    /// The settings need a Cargo feature that was not compiled in.
    #[error("{usage} needs the feature '{feature}', which this build does not have")]
    Feature {
        /// What needs it, and which setting says so.
        usage: String,
        /// The Cargo feature.
        feature: &'static str,
    },
    /// There is no such component, or it takes other parameters.
    #[cfg(feature = "builtin")]
    #[error(transparent)]
    Builtin(#[from] streeling_builtin::BuiltinError),
    /// The ONNX file cannot be served, or takes other parameters.
    #[cfg(feature = "onnx")]
    #[error(transparent)]
    Onnx(#[from] streeling_onnx::OnnxError),
    /// Every transport is switched off, or not compiled in.
    #[error("nothing to serve: {NOTHING}")]
    Nothing,
    /// The system gave no thread that watches the code.
    #[cfg(feature = "python")]
    #[error("cannot watch the component's code: {0}")]
    Watch(#[source] std::io::Error),
    /// The system gave no thread for the metrics port.
    #[cfg(feature = "metrics")]
    #[error("cannot serve probes and metrics: {0}")]
    Probes(#[source] std::io::Error),
    /// The system gave no thread that writes to a standard stream.
    #[error("cannot write to the standard streams: {0}")]
    Streams(#[source] std::io::Error),
    /// The system refused a signal handler.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

impl ServeError {
    #[cfg(not(feature = "python"))]
    pub(crate) fn without_python(class: &streeling_config::InterfaceName) -> Self {
        Self::Feature {
            usage: format!("serving the Python class {class} (interface_name)"),
            feature: "python",
        }
    }

    /// The exit code of a process that ends with this error: 2 for what a setting can mend, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            #[cfg(feature = "rest")]
            Self::RestPort(_) => 2,
            #[cfg(feature = "grpc")]
            Self::GrpcPort(_) => 2,
            #[cfg(feature = "metrics")]
            Self::MetricsPort(_) => 2,
            #[cfg(feature = "tls")]
            Self::Tls { .. } => 2,
            #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
            Self::Token { .. } => 2,
            #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
            Self::Secrets(_) => 1,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            Self::Traces(streeling_tracing::StartError::Thread(_)) => 1,
            #[cfg(any(feature = "jaeger", feature = "otlp"))]
            Self::Traces(streeling_tracing::StartError::Backend { .. }) => 2,
            #[cfg(feature = "builtin")]
            Self::Builtin(_) => 2,
            #[cfg(feature = "onnx")]
            Self::Onnx(_) => 2,
            Self::Pidfile(_) | Self::Feature { .. } | Self::Nothing => 2,
            #[cfg(feature = "python")]
            Self::Interpreter { .. } => 2,
            #[cfg(feature = "python")]
            Self::Component(_) | Self::GaveUp(_) | Self::Watch(_) => 1,
            #[cfg(feature = "metrics")]
            Self::Probes(_) => 1,
            Self::Streams(_) | Self::Signals(_) => 1,
        }
    }
}

#[cfg(feature = "python")]
impl From<streeling_python::StartError> for ServeError {
    fn from(error: streeling_python::StartError) -> Self {
        match error {
            // The file may be executed, and yet the system does not: it has gone since, or is made
            // for another machine. Want of memory or processes says nothing about it.
            streeling_python::StartError::Spawn { python, source }
                if !matches!(
                    source.kind(),
                    ErrorKind::WouldBlock | ErrorKind::OutOfMemory
                ) =>
            {
                Self::Interpreter { python, source }
            }
            other => Self::Component(other),
        }
    }
}
