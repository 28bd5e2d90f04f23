//! Pools over a component in a folder of its own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streeling_core::{Context, Message, Method, Payload, Request, Result, Unit, UnitConfig};
use streeling_python::{Pool, PoolConfig, Slots, WorkerConfig};

/// Answers texts, mostly with the number of its process.
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
        if X.startswith("until "):
            while not exists(X[6:]):
                time.sleep(0.005)
        elif X == "hang":
            while True:
                pass
        elif X == "freeze":
            # One call into C that never gives the interpreter lock away.
            sum(range(10**15))
        elif X == "version":
            return "one"
        return str(os.getpid())
"#;

/// The interpreter of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "which interpreter there is, is the machine's matter and not a setting of the pool"
)]
pub(crate) fn python() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/runtime/bin/python");
    match std::env::var_os("STREELING_TEST_PYTHON") {
        Some(named) => named.into(),
        None if made.exists() => made,
        None => "python3".into(),
    }
}

/// Whether that interpreter has this module.
pub(crate) fn python_has(module: &str) -> bool {
    let import = format!("import {module}");
    let tried = Command::new(python()).args(["-c", &import]).output();
    tried.unwrap().status.success()
}

/// One worker with one thread that serves `model.Model`.
pub(crate) fn config(python: PathBuf, folder: &Path) -> PoolConfig {
    PoolConfig {
        worker: WorkerConfig {
            python,
            app_dir: folder.to_owned(),
            module: "model".to_owned(),
            class: "Model".to_owned(),
            parameters: "{}".to_owned(),
            metadata: None,
            unit_id: None,
            image: None,
            threads: 1,
            log_level: "INFO",
        },
        slots: Slots::default(),
        workers: 1,
        max_queue: 1024,
        max_answer: 1 << 20,
        recycle: None,
        tries: 3,
        tracebacks: false,
    }
}

/// A started pool over [`MODEL`].
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) pool: Pool,
    unit: Unit,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl Served {
    pub(crate) async fn start(change: impl FnOnce(&mut PoolConfig)) -> Self {
        Self::start_with(MODEL, change).await
    }

    /// As [`Served::start`], with another component in the place of [`MODEL`].
    pub(crate) async fn start_with(model: &str, change: impl FnOnce(&mut PoolConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(python(), folder.path());
        change(&mut config);
        let pool = Pool::new(config);
        let served = Self {
            unit: Unit::new(Arc::new(pool.clone()), UnitConfig::default()),
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

    /// What the component answers to a text.
    pub(crate) async fn ask(&self, text: &str) -> Result<String> {
        self.ask_in(text, &Context::default()).await
    }

    /// As a transport does it: at the deadline the call is dropped.
    pub(crate) async fn ask_within(&self, text: &str, patience: Duration) -> Option<String> {
        let context = Context {
            deadline: Some(Instant::now() + patience),
            ..Context::default()
        };
        let asked = self.ask_in(text, &context);
        let answer = tokio::time::timeout(patience, asked).await.ok()?;
        Some(answer.unwrap())
    }

    pub(crate) async fn ask_in(&self, text: &str, context: &Context) -> Result<String> {
        let request = Request::Message(Message {
            payload: Payload::Text(text.to_owned()),
            ..Message::default()
        });
        let answer = self.unit.call(context, Method::Predict, request).await?;
        match answer.payload {
            Payload::Text(text) => Ok(text),
            Payload::Raw(pieces) => Ok(String::from_utf8(pieces.concat()).unwrap()),
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) async fn pid(&self) -> String {
        self.ask("pid").await.unwrap()
    }

    /// Workers that were lost so far, by how; those ways that there were.
    pub(crate) fn deaths(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        self.pool.figures("test", &mut figures);
        figures
            .into_iter()
            .filter(|figure| figure.name == "streeling_worker_deaths_total" && figure.value > 0.0)
            .map(|figure| (figure.labels[1].1.to_string(), figure.value))
            .collect()
    }

    /// Waits until one worker was lost, in this way.
    pub(crate) async fn one_death(&self, how: &str) {
        eventually("a death", || async { !self.deaths().is_empty() }).await;
        assert_eq!(self.deaths(), [(how.to_owned(), 1.0)]);
    }

    pub(crate) async fn stop(&self) {
        self.pool.stop(Duration::from_secs(10)).await;
    }
}

/// The log of all tests of this process, from the first time that one asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Log;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Log {
    pub(crate) fn start() -> Self {
        // Another test may have been there before.
        let _ = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(|| Self)
            .try_init();
        Self
    }

    /// The line that says so, once it has come.
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

/// Waits for something that must come to be.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is().await {
        assert!(Instant::now() < until, "never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a process to be gone.
pub(crate) async fn gone(pid: &str) {
    eventually(&format!("process {pid} is gone"), || async {
        // One that has ended and was not yet waited for is as good as gone.
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
