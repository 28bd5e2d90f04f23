//! Starting and stopping a server with seldon-core's command line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::exchange::Group;
use crate::http::Request;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Arguments before the component's name.
    pub arguments: Vec<String>,
    /// The whole environment, besides what a group adds.
    pub env: BTreeMap<String, String>,
    /// Where the servers' output goes, one file for each group.
    pub logs: PathBuf,
    /// How long a start may take.
    pub deadline: Duration,
}

/// Why a server is not there.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot be run, or its output file cannot be written.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
    /// It ended by itself.
    #[error("ended at start with {status}, see {}", log.display())]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// Its output.
        log: PathBuf,
    },
    /// It never responded to `/health/ping`.
    #[error("not ready after {} s, see {}", after.as_secs(), log.display())]
    Late {
        /// The deadline.
        after: Duration,
        /// Its output.
        log: PathBuf,
    },
}

/// A running server; dropping it kills its whole process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: SocketAddr,
    grpc: SocketAddr,
}

impl Launch {
    /// Starts the server for `group` on free ports, with `components` as its working directory, and
    /// waits until it responds to `/health/ping`.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(&self, group: &Group, components: &Path) -> Result<Running, StartError> {
        let log = self
            .logs
            .join(format!("{}.log", group.id.replace('/', ".")));
        let output = File::create(&log)?;
        let [http, grpc, metrics] = free_ports()?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(&group.component)
            .args(["--http-port", &http.to_string()])
            .args(["--grpc-port", &grpc.to_string()])
            .args(&group.flags)
            .current_dir(components)
            .env_clear()
            .envs(&self.env)
            // A build without metrics takes no flag for their port.
            .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", metrics.to_string())
            .envs(&group.env)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let mut running = Running {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, http)),
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, grpc)),
        };
        let started = Instant::now();
        while started.elapsed() < self.deadline {
            if let Some(status) = running.child.try_wait()? {
                return Err(StartError::Exited { status, log });
            }
            if running.is_ready() {
                return Ok(running);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(StartError::Late {
            after: self.deadline,
            log,
        })
    }
}

impl Running {
    /// Address of the REST port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the gRPC port, which may open later than the other.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc
    }

    fn is_ready(&self) -> bool {
        Request::get("/health/ping")
            .send(self.address, Duration::from_secs(2))
            .is_ok_and(|response| response.status == 200)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already, which is fine.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Three ports that were free a moment ago, all bound at once so that they differ.
fn free_ports() -> io::Result<[u16; 3]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [bind()?, bind()?, bind()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
