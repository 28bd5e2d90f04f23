//! The server that is attacked, and what it does meanwhile.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use streeling_testkit::{Client, Request, Server, ServerCommand};

use crate::observe::{Probed, Probes, Usage};
use crate::shell::root;
use crate::venv;

/// What the server may have kept, in kilobytes, when this time has passed.
pub(super) const KEPT: u64 = 30 * 1024;
const GIVEN_BACK: Duration = Duration::from_secs(60);

/// The probe on the port that is attacked.
pub(super) const PING: &str = "/health/ping";

/// Between two looks at the memory.
const SAMPLE: Duration = Duration::from_millis(100);

/// Longer than any response takes afterwards.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server that runs, with its probes.
pub(super) struct Target {
    pub(super) server: Server,
    pub(super) rest: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) metrics: SocketAddr,
    probes: Probes,
    memory: Memory,
    before: Usage,
}

/// What was seen while it was attacked, and afterwards.
pub(super) struct Seen {
    pub(super) probed: Vec<Probed>,
    /// Most memory above that of the start, in kilobytes: of the server, and with its workers.
    pub(super) peak: (u64, u64),
    /// The server's memory above that of the start at last.
    pub(super) kept: u64,
    /// Why it is not as it was before.
    pub(super) hurt: Option<String>,
}

/// Looks at the memory all the time.
struct Memory {
    stop: Arc<AtomicBool>,
    peak: Arc<Mutex<(u64, u64)>>,
    thread: Option<JoinHandle<()>>,
}

/// The server with the component of `tests/components/Hostile.py` and these arguments beside the
/// defaults; with at most so many open files.
pub(super) fn command(
    program: &Path,
    arguments: &[&str],
    files: Option<u64>,
) -> anyhow::Result<ServerCommand> {
    let folder = root().join("tests/components");
    let command = match files {
        None => ServerCommand::new(program, folder),
        Some(files) => ServerCommand::new("/usr/bin/prlimit", folder)
            .args([format!("--nofile={files}:{files}")])
            .args([program]),
    };
    Ok(command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("STREELING_PYTHON", venv::RUNTIME.ensure()?)
        .args(["Hostile", "--host", "127.0.0.1", "--http-port", "0"])
        .args(["--grpc-port", "0", "--metrics-port", "0"])
        .args(arguments))
}

impl Target {
    /// Starts it.
    pub(super) fn start(command: &ServerCommand) -> anyhow::Result<Self> {
        let server = command.start()?;
        let (rest, grpc) = (server.address(), server.grpc_address());
        let metrics = server.metrics_address();
        // What the first request makes belongs to the start.
        is_right(rest).context("the server is not right at its start")?;
        let before = Usage::of(server.pid())?;
        Ok(Self {
            probes: Probes::start(&[
                ("/live", metrics, "/live"),
                ("/ready", metrics, "/ready"),
                (PING, rest, PING),
            ]),
            memory: Memory::observe(server.pid()),
            server,
            rest,
            grpc,
            metrics,
            before,
        })
    }

    /// Waits until the server is as it was before; says what was seen.
    pub(super) fn recover(self) -> Seen {
        let hurt = is_right(self.rest).err().map(|error| format!("{error:#}"));
        // With the first response behind the attack: that, too, is in time or not.
        let probed = self.probes.take();
        let peak = *self
            .memory
            .peak
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        let above = |value: u64, start: u64| value.saturating_sub(start);
        let kept = loop {
            let Ok(usage) = Usage::of(self.server.pid()) else {
                break 0;
            };
            let kept = above(usage.resident, self.before.resident);
            if hurt.is_some() || kept <= KEPT || since.elapsed() > GIVEN_BACK {
                break kept;
            }
            std::thread::sleep(SAMPLE);
        };
        let hurt = hurt.or_else(|| {
            let kept = kept / 1024;
            let seconds = since.elapsed().as_secs();
            (kept > KEPT / 1024).then(|| format!("{kept} MB kept after {seconds} s"))
        });
        Seen {
            probed,
            peak: (
                above(peak.0, self.before.resident),
                above(peak.1, self.before.tree),
            ),
            kept,
            hurt,
        }
    }
}

impl Memory {
    fn observe(pid: u32) -> Self {
        let (stop, peak) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<(u64, u64)>>::default(),
        );
        let thread = {
            let (stop, peak) = (Arc::clone(&stop), Arc::clone(&peak));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(usage) = Usage::of(pid) {
                        let mut peak = peak.lock().unwrap_or_else(PoisonError::into_inner);
                        peak.0 = peak.0.max(usage.resident);
                        peak.1 = peak.1.max(usage.tree);
                    }
                    std::thread::sleep(SAMPLE);
                }
            })
        };
        Self {
            stop,
            peak,
            thread: Some(thread),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Whether a prediction is the right one.
pub(super) fn is_right(rest: SocketAddr) -> anyhow::Result<()> {
    let request = Request::json("/predict", r#"{"data":{"ndarray":[[1,2,3]]}}"#);
    let response = Client::new(rest, TIMEOUT).send(&request)?;
    let text = String::from_utf8_lossy(&response.body);
    ensure!(
        response.status == 200 && text.contains("[[3.0]]"),
        "a prediction gets {} {text}",
        response.status
    );
    Ok(())
}
