//! Why a worker could not be started.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::Fault;
use crate::lack::lack;

/// Why a worker could not be started, or was lost soon after its start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The interpreter could not be started.
    #[error(
        "cannot start the interpreter '{}' (--python, STREELING_PYTHON): {source}",
        python.display()
    )]
    Spawn {
        /// The interpreter that was tried.
        python: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The component could not be imported, constructed or loaded.
    #[error("cannot {stage} the component '{name}'{hint}\n{}", traceback.trim_end())]
    Component {
        /// `import`, `construct`, `load`, or `get the metadata of`.
        stage: &'static str,
        /// Module and class.
        name: String,
        /// What is probably meant, with a colon before it; empty where that is not known.
        hint: String,
        /// Python's own traceback; its last line is the exception's text.
        traceback: String,
    },
    /// The system lacks file descriptors, memory or processes: it is no fault of the component, and
    /// passes.
    #[error("{}: {source}", lack(source).unwrap_or("the system refuses it"))]
    Lack {
        /// What the system said.
        source: io::Error,
    },
    /// No process could be made for the worker.
    #[error("cannot make a process for the worker: {0}")]
    Fork(String),
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
    /// The interpreter was started and did not send its first frame.
    #[error(
        "'{}' said nothing for {} s after its start (--python, STREELING_PYTHON)",
        python.display(), timeout.as_secs()
    )]
    Silent {
        /// The interpreter.
        python: PathBuf,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The process has not come to an end with its start.
    #[error(
        "the component was not imported, constructed and loaded within {} s (--hang-timeout, \
         STREELING_HANG_TIMEOUT)",
        timeout.as_secs_f64()
    )]
    Hung {
        /// How long it was waited for.
        timeout: Duration,
    },
    /// A worker that has done nothing yet takes more memory than it may.
    #[error(
        "a worker takes {resident} bytes of memory once the component is loaded, allowed are \
         {limit} (--worker-memory, STREELING_WORKER_MEMORY)"
    )]
    Memory {
        /// What it takes.
        resident: u64,
        /// What it may take.
        limit: u64,
    },
    /// The other side speaks another protocol.
    #[error("the worker breaks the protocol: {0}")]
    Protocol(String),
    /// The sockets failed.
    #[error("cannot communicate with the worker: {0}")]
    Socket(#[source] io::Error),
    /// The component was loaded, and the process was lost before its first response.
    #[error("the worker was lost soon after its start: {0}")]
    Lost(String),
    /// The worker of one slot failed too often in a row.
    #[error("worker {slot} failed {tries} times in a row; the last time: {last}")]
    GaveUp {
        /// The number of the slot.
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

impl From<io::Error> for StartError {
    /// Of a socket, unless the system lacks something.
    fn from(error: io::Error) -> Self {
        if lack(&error).is_some() {
            Self::Lack { source: error }
        } else {
            Self::Socket(error)
        }
    }
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Protocol(fault.to_string())
    }
}
