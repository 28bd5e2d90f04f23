//! seldon-core, started for one class after the other by `tests/parity/peer.py`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use streeling_testkit::{Request, Shape};

use crate::shell::root;

/// How long seldon-core may take to start, and TensorFlow before it to be imported.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// The process that has imported what seldon-core uses.
pub(super) struct SeldonCore {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    folder: PathBuf,
    path: String,
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
        let (input, lines) = pipes.context("both were piped")?;
        Ok(Self {
            child,
            pipes: Mutex::new((input, BufReader::new(lines))),
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
        let pid = {
            let mut pipes = self.pipes.lock().ok().context("a thread panicked")?;
            writeln!(pipes.0, "{task}")?;
            let mut line = String::new();
            pipes.1.read_line(&mut line)?;
            let pid = line.trim().parse();
            pid.with_context(|| format!("no seldon-core, see {}", self.folder.display()))?
        };
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
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }
}

impl Drop for SeldonCore {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(super) fn target(&self) -> String {
        format!("{},grpc://{}", self.http, self.grpc)
    }

    fn is_ready(&self) -> bool {
        let ping = Request::get("/health/ping").send(self.http, Duration::from_secs(2));
        ping.is_ok_and(|response| response.status == 200) && TcpStream::connect(self.grpc).is_ok()
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
