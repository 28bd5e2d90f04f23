//! The server of the demo: it ends when the demo is asked to end, and when the demo fails.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Caught, SignalKind, signal};

use crate::shell::{root, say};

/// How long a response may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

const SERVING: &str = "serving REST at http://";

/// A server on 127.0.0.1. Dropping it kills its processes.
pub(super) struct Server {
    child: Child,
    addresses: Receiver<SocketAddr>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Starts `program` with the iris example. From now on Ctrl-C ends the server, and its end the
    /// demo.
    pub(super) fn start(program: &Path, python: &Path, port: u16) -> anyhow::Result<Self> {
        let signals = Signals::catch()?;
        let mut child = Command::new(program)
            .args(["Iris", "--host", "127.0.0.1", "--http-port"])
            .arg(port.to_string())
            .args(["--grpc-port", "0", "--metrics-port", "0"])
            .arg("--app-dir")
            .arg(root().join("examples/iris"))
            .arg("--python")
            .arg(python)
            .stderr(Stdio::piped())
            // A terminal sends Ctrl-C to its whole process group, and a second one would end the
            // server at once.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let log = child.stderr.take();
        let (sender, addresses) = mpsc::channel();
        let stopped = signals.pass_on(Pid::from_child(&child));
        let server = Self {
            child,
            addresses,
            stopped,
        };
        let log = BufReader::new(log.context("standard error is a pipe")?);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                say(&line);
                if let Some(address) = address(&line) {
                    // The demo may have ended.
                    let _ = sender.send(address);
                }
            }
        });
        Ok(server)
    }

    /// Where it serves; waits until it does.
    pub(super) fn address(&mut self) -> anyhow::Result<SocketAddr> {
        match self.addresses.recv() {
            Ok(address) => Ok(address),
            // Its log has ended.
            Err(_) => bail!("the server ended with {}", self.child.wait()?),
        }
    }

    /// Waits until the server has ended, unless the demo has failed: then it is killed. What fails
    /// because the server was asked to end is no failure.
    pub(super) fn end(mut self, shown: anyhow::Result<()>) -> anyhow::Result<()> {
        if shown.is_err() && !self.stopped.load(Ordering::SeqCst) {
            return shown;
        }
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

/// INT and TERM, which end the server and only then the demo, as it would leave the server behind
/// otherwise.
struct Signals {
    runtime: Runtime,
    int: Caught,
    term: Caught,
}

impl Signals {
    fn catch() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (int, term) = {
            let _guard = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        Ok(Self { runtime, int, term })
    }

    /// Sends them to the server from now on; gives what says whether there was any.
    fn pass_on(self, server: Pid) -> Arc<AtomicBool> {
        let stopped = Arc::new(AtomicBool::new(false));
        let caught = Arc::clone(&stopped);
        let Self {
            runtime,
            mut int,
            mut term,
        } = self;
        std::thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let signal = tokio::select! {
                        _ = int.recv() => Signal::INT,
                        _ = term.recv() => Signal::TERM,
                    };
                    caught.store(true, Ordering::SeqCst);
                    // It may have ended by itself.
                    let _ = kill_process(server, signal);
                }
            });
        });
        stopped
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The address in the line that says that the REST port is open.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(SERVING)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_rest() {
        for (line, expected) in [
            (
                "INFO streeling::log: serving REST at http://127.0.0.1:9001",
                Some(9001),
            ),
            (
                "INFO streeling::log: serving gRPC at http://127.0.0.1:5000",
                None,
            ),
        ] {
            assert_eq!(address(line).map(|address| address.port()), expected);
        }
    }
}
