//! Pools over a component in a folder of its own.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streeling_core::{
    Annotate, Budget, ComponentOutput, Context, Input, Layer, Message, Method, Payload, Request,
    Response, Result, Service, StandardStream,
};
use streeling_python::{
    ComponentConfig, Generation, LoadIn, Pool, PoolConfig, Recycle, StartError, WorkerConfig,
    WorkerSlots, WorkerStart,
};
use tokio::task::JoinHandle;

/// Returns texts, mostly the number of its process. Where the text has a second word, the call
/// leaves a file that [`Served::entered`] waits for; `until NAME` ends when there is a file NAME.
const MODEL: &str = r#"
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def exists(name):
    return os.path.exists(os.path.join(HERE, name))


class Model:
    def load(self):
        while exists("hold"):
            time.sleep(0.005)
        if exists("broken"):
            raise ValueError("broken on purpose")
        open(os.path.join(HERE, f"loaded-{os.getpid()}"), "w").close()

    def predict(self, X, names):
        what, _, name = X.partition(" ")
        if name:
            open(os.path.join(HERE, f"entered-{name}-{os.getpid()}"), "w").close()
        if what == "until":
            while not exists(name):
                time.sleep(0.005)
        elif what == "hang":
            while True:
                pass
        elif what == "freeze":
            # One call into C that never gives the interpreter lock away.
            sum(range(10**15))
        elif X == "version":
            return "one"
        return str(os.getpid())
"#;

/// The interpreter of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the interpreter of the tests is a property of the machine, not a setting"
)]
pub(crate) fn python() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/runtime/bin/python");
    let python = std::env::var_os("STREELING_TEST_PYTHON").map_or(made, PathBuf::from);
    assert!(
        python.exists(),
        "no {}: run `cargo xtask test`, which makes it, or name a Python with NumPy, protobuf and \
         OpenTelemetry in STREELING_TEST_PYTHON",
        python.display()
    );
    python
}

/// Takes everything from the interpreter that does not come with Python: there is no NumPy, and it
/// starts in a few milliseconds.
pub(crate) fn bare(config: &mut Config) {
    let script = config.component.app_dir.join("bare");
    let python = config.component.python.display();
    std::fs::write(
        &script,
        format!("#!/bin/sh\nexec '{python}' -I -S \"$@\"\n"),
    )
    .unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    config.component.python = script;
}

/// What a test changes of a pool.
pub(crate) struct Config {
    pub(crate) component: ComponentConfig,
    pub(crate) threads: usize,
    pub(crate) workers: usize,
    pub(crate) max_queue: usize,
    pub(crate) recycle: Option<Recycle>,
    pub(crate) quarantine: Option<Duration>,
    pub(crate) hang_timeout: Option<Duration>,
    pub(crate) worker_memory: Option<u64>,
    pub(crate) tries: u32,
}

impl Config {
    pub(crate) fn pool(self) -> Pool {
        let generation = Generation::new(ComponentConfig {
            threads: self.threads,
            ..self.component
        });
        let config = PoolConfig {
            worker: WorkerConfig {
                threads: self.threads,
                threads_are_default: false,
                serves: "tests",
            },
            slots: WorkerSlots::default(),
            workers: self.workers,
            max_queue: self.max_queue,
            max_response: 1 << 20,
            budget: Budget::default(),
            recycle: self.recycle,
            quarantine: self.quarantine,
            hang_timeout: self.hang_timeout,
            worker_memory: self.worker_memory,
            tries: self.tries,
            tracebacks: false,
        };
        Pool::new(config, generation)
    }
}

/// How workers are started: all tests hold for every way.
#[expect(
    clippy::disallowed_methods,
    reason = "which way is tested is no setting"
)]
fn worker_start() -> WorkerStart {
    match std::env::var("STREELING_TEST_WORKER_START").as_deref() {
        Ok("spawn") => WorkerStart::Spawn,
        Ok("fork") => WorkerStart::Fork,
        Ok("auto") | Err(_) => WorkerStart::Auto,
        Ok(other) => panic!("no way of starting workers: {other}"),
    }
}

/// One worker with one thread that serves `model.Model`.
pub(crate) fn config(python: PathBuf, folder: &Path) -> Config {
    Config {
        component: ComponentConfig {
            python,
            app_dir: folder.to_owned(),
            module: "model".to_owned(),
            class: "Model".to_owned(),
            parameters: "{}".to_owned(),
            metadata: None,
            image: None,
            threads: 1,
            log_level: "INFO",
            max_decoded: 1 << 30,
            max_files: None,
            log_as_json: true,
            start_timeout: None,
            output: Arc::new(Log),
            tracing: None,
            metrics_in_response: true,
            start: worker_start(),
            load_in: LoadIn::Worker,
        },
        threads: 1,
        workers: 1,
        max_queue: 1024,
        recycle: None,
        quarantine: Some(Duration::from_secs(600)),
        hang_timeout: None,
        worker_memory: None,
        tries: 3,
    }
}

/// A started pool over [`MODEL`].
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) pool: Pool,
    service: Arc<dyn Service>,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl Served {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(MODEL, change).await
    }

    /// As [`Served::start`], with another component instead of [`MODEL`].
    pub(crate) async fn start_with(model: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(python(), folder.path());
        change(&mut config);
        let pool = config.pool();
        let served = Self {
            service: Annotate::default().layer(Arc::new(pool.clone())),
            pool,
            folder: Arc::new(folder),
        };
        served.write("model.py", model);
        served.pool.start().await.unwrap();
        served
    }

    /// Makes a file beside the component.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// The component's response to a text.
    pub(crate) async fn call(&self, text: &str) -> Result<String> {
        self.call_in(text, &Context::default()).await
    }

    /// As a transport does it: at the deadline the call is dropped.
    pub(crate) async fn call_within(&self, text: &str, timeout: Duration) -> Option<String> {
        let context = Context {
            deadline: Some(Instant::now() + timeout),
            ..Context::default()
        };
        let call = self.call_in(text, &context);
        let response = tokio::time::timeout(timeout, call).await.ok()?;
        Some(response.unwrap())
    }

    pub(crate) async fn call_in(&self, text: &str, context: &Context) -> Result<String> {
        let input = Input::Message(Message {
            payload: Payload::Text(text.to_owned()),
            ..Message::default()
        });
        let response = self.call_with(context, Method::Predict, input).await?;
        match response.message.payload {
            Payload::Text(text) => Ok(text),
            Payload::Opaque(pieces) => Ok(String::from_utf8(pieces.concat()).unwrap()),
            other => panic!("{other:?} is not a text"),
        }
    }

    pub(crate) async fn call_with(
        &self,
        context: &Context,
        method: Method,
        input: Input,
    ) -> Result<Response> {
        let request = Request {
            method,
            model: None,
            input,
        };
        self.service.call(context, request).await
    }

    pub(crate) async fn pid(&self) -> String {
        self.call("pid").await.unwrap()
    }

    /// Waits until so many calls with this second word are in the component; in which processes.
    pub(crate) async fn entered(&self, name: &str, count: usize) -> BTreeSet<String> {
        let start = format!("entered-{name}-");
        let found = || -> BTreeSet<String> {
            let files = std::fs::read_dir(self.folder.path()).unwrap();
            files
                .filter_map(|file| {
                    let name = file.unwrap().file_name().into_string().unwrap();
                    name.strip_prefix(&start).map(str::to_owned)
                })
                .collect()
        };
        eventually(&start, || async { found().len() >= count }).await;
        found()
    }

    /// A sample of the pool without labels of its own.
    pub(crate) fn sample(&self, name: &str) -> f64 {
        let mut samples = Vec::new();
        self.pool.collect_samples("test", &mut samples);
        let sample = samples.iter().find(|sample| sample.name == name);
        sample.unwrap().value
    }

    /// Waits until so many requests wait for a worker.
    pub(crate) async fn queued(&self, count: f64) {
        let queued = || async { self.sample("streeling_queue_length") == count };
        eventually("requests in the queue", queued).await;
    }

    /// Sends a text while the caller goes on.
    pub(crate) fn spawn(&self, text: &'static str) -> JoinHandle<Result<String>> {
        let served = self.clone();
        tokio::spawn(async move { served.call(text).await })
    }

    /// How many workers were lost, by reason, without those reasons that did not occur.
    pub(crate) fn losses(&self) -> Vec<(String, f64)> {
        let mut samples = Vec::new();
        self.pool.collect_samples("test", &mut samples);
        samples
            .into_iter()
            .filter(|sample| sample.name == "streeling_worker_deaths_total" && sample.value > 0.0)
            .map(|sample| (sample.labels[1].1.to_string(), sample.value))
            .collect()
    }

    /// How many workers were replaced for this reason.
    #[cfg(target_os = "linux")]
    pub(crate) fn replacements(&self, reason: &str) -> f64 {
        let mut samples = Vec::new();
        self.pool.collect_samples("test", &mut samples);
        let sample = samples.iter().find(|sample| {
            sample.name == "streeling_worker_replacements_total" && sample.labels[1].1 == reason
        });
        sample.unwrap().value
    }

    /// Waits until one worker was lost, for this reason.
    pub(crate) async fn one_loss(&self, reason: &str) {
        eventually("a loss", || async { !self.losses().is_empty() }).await;
        assert_eq!(self.losses(), [(reason.to_owned(), 1.0)]);
    }

    pub(crate) async fn reload(&self) -> std::result::Result<(), StartError> {
        self.pool.reload(&self.pool.generation().next()).await
    }

    pub(crate) async fn stop(&self) {
        self.pool.stop(Duration::from_secs(10)).await;
        self.pool.generation().stop().await;
    }
}

/// What the server and the components of all tests of this process write: the log from the first
/// start on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log;

impl ComponentOutput for Log {
    fn write(&self, stream: StandardStream, _: Option<usize>, line: &[u8]) {
        let mut lines = LINES.lock().unwrap();
        if stream == StandardStream::Output {
            lines.extend_from_slice(b"stdout: ");
        }
        lines.extend_from_slice(line);
    }
}

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Log {
    pub(crate) fn start() -> Self {
        // Another test may have started it before.
        let _ = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(|| Self)
            .try_init();
        Self
    }

    /// Waits for a line of this text.
    pub(crate) async fn text(self, text: &str) {
        let text = format!("{text}\n");
        let is_there = || {
            LINES
                .lock()
                .unwrap()
                .split_inclusive(|byte| *byte == b'\n')
                .any(|line| line == text.as_bytes())
        };
        eventually(&text, || async { is_there() }).await;
    }

    /// Waits for a line that has this text in it.
    pub(crate) async fn containing(self, text: &str) {
        eventually(text, || async { Self::count(text) > 0 }).await;
    }

    /// How often this text has been written.
    pub(crate) fn count(text: &str) -> usize {
        String::from_utf8_lossy(&LINES.lock().unwrap())
            .matches(text)
            .count()
    }

    /// The line with this message, once it has been logged.
    pub(crate) async fn line(self, message: &str) -> serde_json::Value {
        let find = || {
            let lines = LINES.lock().unwrap();
            let mut lines = lines.split(|byte| *byte == b'\n');
            lines.find_map(|line| {
                let line: serde_json::Value = serde_json::from_slice(line).ok()?;
                (line["message"] == message).then_some(line)
            })
        };
        eventually(message, || async { find().is_some() }).await;
        find().unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Guards against a hang: longer than anything that a test waits for takes on the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits for what must come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(TIMEOUT, future).await;
    waited.expect("it never comes")
}

/// Waits until a condition holds, which it must.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let until = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < until, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a process to be gone.
pub(crate) async fn gone(pid: &str) {
    eventually(&format!("the end of process {pid}"), || async {
        // A zombie has ended, too.
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
}

pub(crate) fn kill(pid: &str) {
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Runs one ignored test of this binary in a process of its own, in `folder`.
pub(crate) fn alone(test: &str, folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .current_dir(folder)
        .spawn()
        .unwrap()
}
