//! Clients that talk to the server through a relay, and what is kept of it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use streeling_testkit::{Group, Launch, Recording, Relay, Running, Server};

use super::server;
use crate::shell::{output, root, say};
use crate::{conformance, venv};

/// Where the clients connect. The ports are in what they send, in the `Host` header at least, so
/// they are the same in every recording.
const REST: SocketAddr = loopback(19_000);
const GRPC: SocketAddr = loopback(15_000);

/// The component that the clients expect.
const COMPONENT: &str = "Mirror";

/// How long seldon-core may take until both of its ports are open.
const OPENS_WITHIN: Duration = Duration::from_secs(60);

/// An address on this machine alone.
pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A server whose clients are recorded.
pub(super) struct Recorder {
    /// The server that what was recorded is sent to again.
    server: Server,
    /// The server that the clients call, where it is not the same.
    peer: Option<Running>,
    /// What was recorded, in words.
    pub(super) seen: Seen,
}

/// How much was recorded.
#[derive(Default)]
pub(super) struct Seen {
    clients: usize,
    connections: usize,
    responses: usize,
}

impl Recorder {
    /// Starts the server with the component that the clients expect.
    pub(super) fn start() -> anyhow::Result<Self> {
        let program = server::build()?;
        let python = venv::RUNTIME.ensure()?;
        let server = server::command(&program, &python, &components(), COMPONENT).start()?;
        Ok(Self {
            server,
            peer: None,
            seen: Seen::default(),
        })
    }

    /// Starts seldon-core beside the server: clients call the one, and the other is held against
    /// what they got.
    pub(super) fn start_beside(peer: &Path) -> anyhow::Result<Self> {
        let recorder = Self::start()?;
        let group = Group {
            id: format!("acceptance/{COMPONENT}"),
            component: COMPONENT.to_owned(),
            flags: Vec::new(),
            env: BTreeMap::new(),
            exchanges: Vec::new(),
            tensorflow: false,
        };
        let logs = root().join("target/acceptance");
        fs::create_dir_all(&logs)?;
        let launch = Launch {
            program: peer.join("bin/seldon-core-microservice"),
            arguments: Vec::new(),
            env: conformance::environment(peer),
            logs,
            deadline: OPENS_WITHIN,
        };
        let running = launch.start(&group, &components())?;
        let since = Instant::now();
        while TcpStream::connect(running.grpc_address()).is_err() {
            ensure!(
                since.elapsed() < OPENS_WITHIN,
                "seldon-core does not open its gRPC port"
            );
            sleep(Duration::from_millis(20));
        }
        Ok(Self {
            peer: Some(running),
            ..recorder
        })
    }

    /// Runs a client, whose last line says what it is, and writes what it sent and got to
    /// `tests/acceptance/recorded`.
    pub(super) fn record(&mut self, name: &str, client: &mut Command) -> anyhow::Result<()> {
        self.record_with(name, || version(client))
            .with_context(|| format!("client {name}"))
    }

    /// Lets a client call the server itself, also where it stands beside seldon-core.
    pub(super) fn call_server(&self, client: &mut Command) -> anyhow::Result<()> {
        let _relays = relays(self.server.address(), self.server.grpc_address())?;
        version(client).map(drop)
    }

    /// As [`record`](Self::record), for any code that gives the client's name and version.
    pub(super) fn record_with(
        &mut self,
        name: &str,
        client: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let (rest, grpc) = (self.server.address(), self.server.grpc_address());
        let relays = match &self.peer {
            Some(peer) => relays(peer.address(), peer.grpc_address())?,
            None => relays(rest, grpc)?,
        };
        let version = client()?;
        let connections: Vec<_> = relays.into_iter().flat_map(Relay::end).collect();
        let recording = Recording::new(&version, &connections)?;
        ensure!(!recording.connections.is_empty(), "it made no connection");
        // What the same server does not say twice cannot be held against it, and what seldon-core
        // says is what is to be said.
        let found = recording.replay(rest, grpc);
        ensure!(
            found.is_empty(),
            "the replay differs:\n{}",
            found.join("\n")
        );
        let path = path(name);
        recording.save(&path)?;
        names_no_machine(&path)?;
        self.seen.add(&recording);
        say(format_args!(
            "   {version}: {} connections",
            recording.connections.len()
        ));
        Ok(())
    }
}

impl Seen {
    fn add(&mut self, recording: &Recording) {
        self.clients += 1;
        self.connections += recording.connections.len();
        let responses = recording.connections.iter().map(|one| one.responses.len());
        self.responses += responses.sum::<usize>();
    }

    /// In a few words.
    pub(super) fn text(&self) -> String {
        format!(
            "{} clients, {} connections, {} responses",
            self.clients, self.connections, self.responses
        )
    }
}

/// What listens where the clients connect.
fn relays(rest: SocketAddr, grpc: SocketAddr) -> anyhow::Result<[Relay; 2]> {
    let bind = |address: SocketAddr, server| {
        Relay::bind(address, server)
            .with_context(|| format!("port {} is needed for recordings", address.port()))
    };
    Ok([bind(REST, rest)?, bind(GRPC, grpc)?])
}

/// Runs a client; the last line that it prints is its name and version.
fn version(client: &mut Command) -> anyhow::Result<String> {
    client
        .env("REST", format!("http://{REST}"))
        .env("GRPC", GRPC.to_string())
        // A proxy of this machine is not part of it.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let text = output(client)?;
    let version = text.trim_end().lines().last();
    Ok(version.context("it did not print its version")?.to_owned())
}

fn components() -> PathBuf {
    root().join("tests/acceptance/components")
}

fn path(name: &str) -> PathBuf {
    root()
        .join("tests/acceptance/recorded")
        .join(name)
        .with_extension("json")
}

/// A recording is for every machine.
fn names_no_machine(path: &PathBuf) -> anyhow::Result<()> {
    let text = fs::read_to_string(path)?;
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let folder = root().display().to_string();
    for name in [host.trim(), &folder] {
        if !name.is_empty() && text.contains(name) {
            bail!("{} names this machine: {name}", path.display());
        }
    }
    Ok(())
}
