//! The servers that are recorded, while they run.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use streeling_testkit::Request;
use streeling_testkit::oip::{FOLDER, Group, Peer};

use crate::conformance::pythons::environment;
use crate::shell::root;

/// How long a start may take.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// How long one look at the server may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two looks.
const STEP: Duration = Duration::from_millis(50);

/// A server; dropping it kills its process group.
pub(super) struct Running {
    child: Child,
    rest: SocketAddr,
    grpc: SocketAddr,
    log: PathBuf,
}

impl Running {
    /// Starts `peer` of the environment that `interpreter` is in, and waits until it serves the
    /// model of `group`, which is in the folder `models`.
    pub(super) fn start(
        group: &Group,
        peer: Peer,
        interpreter: &Path,
        models: &Path,
    ) -> anyhow::Result<Self> {
        let [rest, grpc, metrics] = free_ports()?;
        let bin = interpreter
            .parent()
            .context("an interpreter has a folder")?;
        let folder = models.with_file_name(format!("{}-{}", group.id, peer.name()));
        fs::create_dir_all(&folder)?;
        let model = models.join(&group.file);
        let mut command = match peer {
            Peer::MlServer => {
                write_settings(group, &folder, &model, [rest, grpc, metrics])?;
                let mut command = Command::new(bin.join("mlserver"));
                command.args(["start", "."]);
                command
            }
            Peer::KServe => {
                let mut command = Command::new(interpreter);
                command
                    .arg(root().join(FOLDER).join("serve_kserve.py"))
                    .args([group.model.as_ref(), model.as_os_str()])
                    .args([rest, grpc].map(|address| address.port().to_string()));
                command
            }
        };
        let log = folder.join("log");
        let output = File::create(&log)?;
        let venv = bin.parent().context("bin lies in a folder")?;
        let child = command
            .current_dir(&folder)
            .env_clear()
            .envs(environment(venv))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let mut running = Self {
            child,
            rest,
            grpc,
            log,
        };
        running.wait(&group.model)?;
        Ok(running)
    }

    /// Both addresses, as the client wants them.
    pub(super) fn target(&self) -> String {
        format!("{},grpc://{}", self.rest, self.grpc)
    }

    /// Where its output is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    fn wait(&mut self, model: &str) -> anyhow::Result<()> {
        let log = self.log.display().to_string();
        let since = Instant::now();
        let ready = Request::get(&format!("/v2/models/{model}/ready"));
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}, see {log}");
            }
            let response = ready.send(self.rest, PROBE_TIMEOUT);
            if response.is_ok_and(|response| response.status == 200)
                && TcpStream::connect_timeout(&self.grpc, PROBE_TIMEOUT).is_ok()
            {
                return Ok(());
            }
            if since.elapsed() > START_DEADLINE {
                bail!("the server does not serve {model}, see {log}");
            }
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has ended already is gone.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// What `MLServer` reads where it starts.
fn write_settings(
    group: &Group,
    folder: &Path,
    model: &Path,
    [rest, grpc, metrics]: [SocketAddr; 3],
) -> anyhow::Result<()> {
    let server = json!({
        "host": rest.ip(), "http_port": rest.port(), "grpc_port": grpc.port(),
        "metrics_port": metrics.port(), "parallel_workers": 0,
    });
    let model = json!({
        "name": group.model, "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": model},
    });
    fs::write(folder.join("settings.json"), server.to_string())?;
    fs::write(folder.join("model-settings.json"), model.to_string())?;
    Ok(())
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
