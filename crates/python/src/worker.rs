//! One worker process: from its start until the component in it is loaded.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use streeling_core::Wants;
use tokio::net::unix::pipe;

use crate::component::{ComponentConfig, WorkerConfig};
use crate::connection::Connection;
use crate::control::{Control, DESCRIPTORS, pair};
use crate::error::StartError;
use crate::frame::Kind;
use crate::methods::Methods;
use crate::process::Process;
use crate::stacks::{self, Stacks};
use crate::template::{ForkServer, Interpreter, Template, explained, failed, parse, words};

#[derive(Serialize)]
struct Load {
    worker: usize,
    threads: usize,
    title: Vec<String>,
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
    /// A method is a coroutine function, so that what it awaits can be cancelled.
    awaits: bool,
    /// What is probably meant, of a class that defines nothing that is called.
    pub(crate) hint: Option<String>,
    #[serde(skip)]
    pub(crate) interpreter: Interpreter,
    #[serde(skip)]
    construct_time: Duration,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Reads {
    Head,
    Whole,
}

impl Ready {
    /// How long import, construction and load took together, as far as this process did them.
    pub(crate) fn load_time(&self) -> Duration {
        self.construct_time + Duration::try_from_secs_f64(self.load_seconds).unwrap_or_default()
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

/// A worker process that has loaded its component.
#[derive(Debug)]
pub(crate) struct Worker {
    /// One for each thread.
    pub(crate) connections: Arc<[Connection]>,
    pub(crate) ready: Ready,
    pub(crate) process: Process,
    pub(crate) stacks: Arc<Stacks>,
    /// Where calls are cancelled, if they can be.
    pub(crate) cancel: Option<Arc<Control>>,
    /// What it has been forked from, which may have made what it uses.
    _template: Option<Arc<ForkServer>>,
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
}

/// A process that has constructed the component and may not have loaded it yet.
#[derive(Debug)]
pub(crate) struct Starting {
    control: Arc<Control>,
    pub(crate) process: Process,
    interpreter: Interpreter,
    /// How long it took to construct the component; nothing in a process that was forked since.
    construct_time: Duration,
    template: Option<Arc<ForkServer>>,
}

impl From<Template> for Starting {
    fn from(template: Template) -> Self {
        Self {
            construct_time: template.constructed.time(),
            control: template.control,
            process: template.process,
            interpreter: template.interpreter,
            template: None,
        }
    }
}

impl Starting {
    /// One that has been forked.
    pub(crate) fn forked(
        template: &Arc<ForkServer>,
        control: Arc<Control>,
        process: Process,
    ) -> Self {
        Self {
            control,
            process,
            interpreter: template.interpreter.clone(),
            construct_time: Duration::ZERO,
            template: Some(Arc::clone(template)),
        }
    }

    /// Makes the process a worker, and waits until the component in it is loaded.
    pub(crate) async fn into_worker(
        mut self,
        component: &ComponentConfig,
        config: &WorkerConfig,
        slot: usize,
    ) -> Result<Worker, StartError> {
        let (connections, ready, pipe) = self.load(component, config, slot).await?;
        let cancel = ready.awaits.then(|| Arc::clone(&self.control));
        // It keeps the control socket open: at its end the worker knows that the server is gone.
        let stacks = Stacks::new(self.control, self.process.pid(), pipe);
        Ok(Worker {
            connections: connections.into(),
            ready,
            process: self.process,
            stacks: Arc::new(stacks),
            cancel,
            _template: self.template,
        })
    }

    /// Makes the process a worker, with as many connections as it has threads, and has it load the
    /// component. It is to be called once.
    pub(crate) async fn load(
        &mut self,
        component: &ComponentConfig,
        config: &WorkerConfig,
        slot: usize,
    ) -> Result<(Vec<Connection>, Ready, pipe::Receiver), StartError> {
        self.process.set_slot(slot);
        let load = Load {
            worker: slot,
            threads: config.threads,
            title: words(component, config, slot),
        };
        let load = serde_json::to_vec(&load).expect("it has numbers and text alone");
        let start = async {
            let mut connections = Vec::with_capacity(config.threads);
            let mut theirs = Vec::with_capacity(config.threads);
            for _ in 0..config.threads {
                let (ours, other) = pair()?;
                connections.push(Connection::new(ours));
                theirs.push(other);
            }
            for sockets in theirs.chunks(DESCRIPTORS) {
                self.control.send_descriptors(Kind::Data, sockets).await?;
            }
            drop(theirs);
            let (pipe, theirs) = stacks::pair()?;
            self.control
                .send_descriptors(Kind::Stacks, &[theirs])
                .await?;
            self.control.send(Kind::Load, &load).await?;
            let (kind, body) = self.control.receive().await?;
            if kind != Kind::Ready {
                return Err(failed(component, kind, &body));
            }
            let ready = Ready {
                interpreter: self.interpreter.clone(),
                construct_time: self.construct_time,
                ..parse(&body)?
            };
            Ok((connections, ready, pipe))
        };
        let started = start.await;
        explained(started, &mut self.process, component).await
    }
}
