//! Clients that talk to the server through a relay, and what is kept of it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use streeling_testkit::{Recording, Relay, Server};

use super::server;
use crate::shell::{output, root, say};
use crate::venv;

/// Where the clients connect. The ports are in what they send, in the `Host` header at least, so
/// they are the same in every recording.
const REST: SocketAddr = loopback(19_000);
const GRPC: SocketAddr = loopback(15_000);

/// An address on this machine alone.
pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A server whose clients are recorded.
pub(super) struct Recorder {
    server: Server,
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
        let folder = root().join("tests/acceptance/components");
        let server = server::command(&program, &python, &folder, "Mirror").start()?;
        Ok(Self {
            server,
            seen: Seen::default(),
        })
    }

    /// Runs a client, whose last line says what it is, and writes what it sent and got to
    /// `tests/acceptance/recorded`.
    pub(super) fn record(&mut self, name: &str, client: &mut Command) -> anyhow::Result<()> {
        client
            .env("REST", format!("http://{REST}"))
            .env("GRPC", GRPC.to_string())
            // A proxy of this machine is not part of it.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        self.record_with(name, || {
            let text = output(client)?;
            let version = text.trim_end().lines().last();
            Ok(version.context("it did not print its version")?.to_owned())
        })
        .with_context(|| format!("client {name}"))
    }

    /// As [`record`](Self::record), for any code that gives the client's name and version.
    pub(super) fn record_with(
        &mut self,
        name: &str,
        client: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let (rest, grpc) = (self.server.address(), self.server.grpc_address());
        let bind = |address: SocketAddr, server| {
            Relay::bind(address, server)
                .with_context(|| format!("port {} is needed for recordings", address.port()))
        };
        let relays = [bind(REST, rest)?, bind(GRPC, grpc)?];
        let version = client()?;
        let connections: Vec<_> = relays.into_iter().flat_map(Relay::end).collect();
        let recording = Recording::new(&version, &connections)?;
        ensure!(!recording.connections.is_empty(), "it made no connection");
        // What differs the second time cannot be held against a server.
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
