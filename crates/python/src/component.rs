//! What is to be run, and by what.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use streeling_core::ComponentOutput;

/// What is to be known to construct a component, and how workers come by it.
#[derive(Clone, Debug)]
pub struct ComponentConfig {
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
    /// Image that the component runs from; names the model where its metadata does not.
    pub image: Option<String>,
    /// The most threads that a worker has.
    pub threads: usize,
    /// Level of Python's root logger, by its name there.
    pub log_level: &'static str,
    /// Bytes of memory that a request may take as Python's objects.
    pub max_decoded: usize,
    /// Files that a worker may open (the soft limit), if it does not need more for its threads;
    /// `None` as many as this process.
    pub max_files: Option<u64>,
    /// Whether its lines are JSON objects.
    pub log_as_json: bool,
    /// Whether metrics stay in responses that the server does not look into.
    pub metrics_in_response: bool,
    /// How long the start of a process may take, `load()` included; `None` without end.
    pub start_timeout: Option<Duration>,
    /// Where the lines go that the component writes.
    pub output: Arc<dyn ComponentOutput>,
    /// For spans that a component records by `opentracing`; `None` while tracing is off.
    pub tracing: Option<WorkerTracing>,
    /// How workers come by the component.
    pub start: WorkerStart,
    /// Where its `load()` is called.
    pub load_in: LoadIn,
}

/// How workers come by the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerStart {
    /// By [`WorkerStart::Fork`] where that is safe, else by [`WorkerStart::Spawn`].
    Auto,
    /// One process constructs it, the template, and workers are forked from that. Linux only.
    Fork,
    /// Each worker is an interpreter of its own and constructs the component itself, one after the
    /// other.
    Spawn,
}

/// Where the component's `load()` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadIn {
    /// In every worker.
    Worker,
    /// Once, behind the constructor, before workers are forked.
    Template,
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

impl ComponentConfig {
    /// The component's name, as it is given on the command line.
    pub(crate) fn interface(&self) -> String {
        if self.module == self.class {
            self.class.clone()
        } else {
            format!("{}.{}", self.module, self.class)
        }
    }
}

/// What a worker is for.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Threads that call the component.
    pub threads: usize,
    /// That number is not set: a component whose calls depend on each other is given one call
    /// at a time.
    pub threads_are_default: bool,
    /// What its requests come over, as the list of processes is to show it: `REST`.
    pub serves: &'static str,
}
