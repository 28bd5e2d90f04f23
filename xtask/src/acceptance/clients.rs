//! Other people's clients, each of which sends what it would send to any server of its kind.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::record::Recorder;
use crate::shell::{output, root, run as run_program};
use crate::tools::go;
use crate::{conformance, venv};

/// Records every client.
pub(super) fn run() -> anyhow::Result<String> {
    // Everything that may be missing first.
    let node = found("node", "Node 18 or newer is needed (Debian: nodejs)")?;
    found("curl", "curl is needed (Debian: curl)")?;
    let go = build_go()?;
    let python = venv::CLIENTS.ensure()?;
    let stubs = venv::STUBS.ensure()?;
    let peer = conformance::peer(&root(), None)?;
    let mut recorder = Recorder::start()?;
    for (name, program, arguments) in [
        ("requests", &python, ["with_requests.py"].as_slice()),
        ("httpx", &python, &["with_httpx.py"]),
        ("aiohttp", &python, &["with_aiohttp.py"]),
        ("curl", &PathBuf::from("sh"), &["curl.sh"]),
        ("fetch", &PathBuf::from(node), &["fetch.mjs"]),
        ("net-http", &go, &["rest"]),
        ("grpcio", &stubs, &["with_grpcio.py"]),
        ("grpcio-asyncio", &stubs, &["with_grpcio.py", "asyncio"]),
        ("grpc-go", &go, &["grpc"]),
    ] {
        let mut client = Command::new(program);
        client.args(arguments).current_dir(folder());
        recorder.record(name, &mut client)?;
    }
    let own = recorder.seen.text();
    drop(recorder);
    let beside = beside_seldon_core(&peer)?;
    Ok(format!(
        "{own}; seldon-core's own on both servers: {beside}"
    ))
}

/// Records seldon-core's own programs while they call seldon-core, and lets them call the server.
fn beside_seldon_core(peer: &Path) -> anyhow::Result<String> {
    let mut recorder = Recorder::start_beside(peer)?;
    for (name, script) in [
        ("seldon-client", "with_seldon_client.py"),
        ("microservice-tester", "with_seldon_tools.py"),
        ("api-tester", "with_seldon_tools.py"),
        ("batch-processor", "with_seldon_tools.py"),
    ] {
        let client = || {
            let mut client = Command::new(peer.join("bin/python"));
            client.args([script, name]).current_dir(folder());
            client
        };
        recorder.record(name, &mut client())?;
        recorder
            .call_server(&mut client())
            .with_context(|| format!("{name} on this server"))?;
    }
    Ok(recorder.seen.text())
}

/// The path of a program, or what is to be installed for it.
pub(super) fn found(name: &str, needed: &'static str) -> anyhow::Result<String> {
    let path = output(Command::new("sh").args(["-c", &format!("command -v {name}")]));
    Ok(path.context(needed)?.trim().to_owned())
}

fn folder() -> PathBuf {
    root().join("tests/acceptance/clients")
}

fn build_go() -> anyhow::Result<PathBuf> {
    let program = root().join("target/tools/bin/acceptance-clients");
    let build = |program: &Path| {
        run_program(
            go(Command::new("go"))
                .args(["build", "-o"])
                .arg(program)
                .arg(".")
                .current_dir(folder().join("go")),
        )
    };
    build(&program).context("Go 1.26 or newer is needed (see https://go.dev/dl)")?;
    Ok(program)
}
