//! seldon-core, started for one class after the other by `tests/parity/peer.py`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use streeling_testkit::{Request, Shape};

use crate::shell::root;

/// How long seldon-core may take to start, and TensorFlow before it to be imported.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// How long what is on this machine may take to respond to a ping.
const PING_DEADLINE: Duration = Duration::from_secs(2);

/// How long the process may take to kill its children.
const END_DEADLINE: Duration = Duration::from_secs(10);

const STEP: Duration = Duration::from_millis(50);

/// The process that has imported what seldon-core uses. Whatever it has started ends with its
/// standard input, so also when this program is interrupted or killed.
pub(super) struct SeldonCore {
    child: Child,
    /// Nothing once it has failed.
    pipes: Mutex<Option<Pipes>>,
    folder: PathBuf,
    path: String,
}

struct Pipes {
    input: ChildStdin,
    lines: Receiver<String>,
}

/// One server. Dropping it kills its process group.
pub(super) struct Running {
    pid: i32,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl SeldonCore {
    pub(super) fn start(peer: &Path, folder: &Path) -> anyhow::Result<Self> {
        let log = File::create(folder.join("start.log"))?;
        let mut child = Command::new(peer.join("bin/python"))
            .arg(root().join("tests/parity/peer.py"))
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.context("both were piped")?;
        let (sender, lines) = channel();
        // Reading has no deadline, waiting for a thread that reads has one.
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines();
            lines
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Ok(Self {
            child,
            pipes: Mutex::new(Some(Pipes { input, lines })),
            folder: folder.to_owned(),
            path: format!(
                "{}:/usr/local/bin:/usr/bin:/bin",
                peer.join("bin").display()
            ),
        })
    }

    pub(super) fn serve(&self, shape: &Shape) -> anyhow::Result<Running> {
        let [http, grpc, metrics] = free_ports()?;
        let log = self.folder.join(format!("{}.log", shape.component));
        let mut env = json!({
            "PATH": self.path, "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": metrics.port().to_string(),
        });
        for (name, value) in &shape.env {
            env[name] = json!(value);
        }
        let task = json!({
            "arguments": [shape.component, "--http-port", http.port().to_string(),
                          "--grpc-port", grpc.port().to_string()],
            "env": env, "folder": self.folder, "log": log,
        });
        let pid = self
            .fork(&task, START_DEADLINE)
            .with_context(|| format!("no seldon-core, see {}", self.folder.display()))?;
        let running = Running { pid, http, grpc };
        let since = Instant::now();
        while !running.is_ready() {
            if since.elapsed() > START_DEADLINE {
                bail!(
                    "seldon-core does not serve {}, see {}",
                    shape.component,
                    log.display()
                );
            }
            std::thread::sleep(STEP);
        }
        Ok(running)
    }

    /// Lets the process fork for `task`, and gives the child's number.
    fn fork(&self, task: &Value, deadline: Duration) -> anyhow::Result<i32> {
        let mut pipes = self.pipes.lock().ok().context("a thread panicked")?;
        // They are put back only if all is well: a number that comes late would be taken for that
        // of the next child.
        let mut taken = pipes.take().context("the process has failed before")?;
        writeln!(taken.input, "{task}")?;
        let line = taken.lines.recv_timeout(deadline)?;
        *pipes = Some(taken);
        Ok(line.parse()?)
    }
}

impl Drop for SeldonCore {
    fn drop(&mut self) {
        if let Ok(pipes) = self.pipes.get_mut() {
            *pipes = None;
        }
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < END_DEADLINE {
            std::thread::sleep(STEP);
        }
        // It has ended already, unless something is wrong with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(super) fn target(&self) -> String {
        format!("{},grpc://{}", self.http, self.grpc)
    }

    fn is_ready(&self) -> bool {
        let ping = Request::get("/health/ping").send(self.http, PING_DEADLINE);
        ping.is_ok_and(|response| response.status == 200)
            && TcpStream::connect_timeout(&self.grpc, PING_DEADLINE).is_ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The group has the number of its first process; what has ended already is gone.
        let _ = Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", self.pid)])
            .stderr(Stdio::null())
            .status();
    }
}

/// Three ports that were free a moment ago, all bound at once so that they differ.
fn free_ports() -> anyhow::Result<[SocketAddr; 3]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [bind()?, bind()?, bind()?];
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); 3];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use streeling_testkit::Shapes;

    use super::*;

    /// Has seldon-core's command line, and a process of its own for gRPC.
    const MICROSERVICE: &str = r#"
import http.server, os, socket, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

def main():
    http_port, grpc_port = (int(port) for port in sys.argv[3::2])
    if os.fork() == 0:
        listener = socket.create_server(("127.0.0.1", grpc_port))
        time.sleep(60)
    http.server.HTTPServer(("127.0.0.1", http_port), Handler).serve_forever()
"#;

    /// An environment whose Python is `script`.
    fn peer(folder: &Path, script: &str) -> anyhow::Result<()> {
        let python = folder.join("bin/python");
        std::fs::create_dir_all(folder.join("bin"))?;
        std::fs::write(&python, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(&python, PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    #[test]
    fn servers_end_with_the_process_that_has_started_them() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let script = format!("PYTHONPATH={} exec python3 \"$@\"", path.display());
        peer(path, &script)?;
        std::fs::create_dir(path.join("seldon_core"))?;
        std::fs::write(path.join("seldon_core/microservice.py"), MICROSERVICE)?;
        let seldon_core = SeldonCore::start(path, path)?;
        let shapes = Shapes::parse(r#"{"component": "A", "source": "", "env": {}}"#)?;
        let running = seldon_core.serve(&shapes.shapes[0])?;
        assert!(running.is_ready());
        let ports = [running.http, running.grpc];
        // As if this program had been killed.
        std::mem::forget(running);
        drop(seldon_core);
        let since = Instant::now();
        for port in ports {
            while TcpStream::connect_timeout(&port, PING_DEADLINE).is_ok() {
                assert!(since.elapsed() < PING_DEADLINE, "{port} is served");
                std::thread::sleep(STEP);
            }
        }
        Ok(())
    }

    #[test]
    fn a_process_that_does_not_respond_is_an_error() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        peer(folder.path(), "cat > /dev/null")?;
        let seldon_core = SeldonCore::start(folder.path(), folder.path())?;
        let error = seldon_core.fork(&json!({}), STEP).unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
        let error = seldon_core.fork(&json!({}), STEP).unwrap_err();
        assert!(error.to_string().contains("has failed before"), "{error}");
        Ok(())
    }
}
