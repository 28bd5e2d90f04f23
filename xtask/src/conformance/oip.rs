//! `cargo xtask conformance oip`: records other servers of the Open Inference Protocol.

mod peers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use streeling_compare::Messages;
use streeling_testkit::oip::{FOLDER, Group, Peer, Recorded, Recording};

use self::peers::Running;
use super::check::check as check_responses;
use super::pythons::python;
use crate::shell::{output, root, run as run_command, say};
use crate::venv::{KSERVE, MLSERVER_SKLEARN, Venv};

const USAGE: &str = "\
usage: cargo xtask conformance oip [--peer mlserver|kserve] [--only GROUP] [--check]

Fits the models again, sends the requests of tests/conformance/oip/requests to MLServer with its
scikit-learn runtime and to KServe's Python server, and writes their responses beside them.
  --peer NAME    only this server
  --only GROUP   only the requests of this group
  --check        compare with what is there instead of writing it";

/// Packages whose versions stand in a recording.
const SHOWN: [&str; 7] = [
    "fastapi",
    "grpcio",
    "numpy",
    "orjson",
    "pandas",
    "pydantic",
    "scikit-learn",
];

#[derive(Default)]
struct Options {
    peer: Option<Peer>,
    only: Option<String>,
    check: bool,
}

/// Records, or compares with what was recorded.
pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = parse(arguments)?;
    let messages = Messages::new();
    let groups = Group::load_all(&root(), &messages)?;
    let folder = root().join("target/conformance/oip");
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for peer in Peer::ALL {
        let chosen: Vec<_> = groups
            .iter()
            .filter(|group| options.chooses(group, peer))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let interpreter = venv(peer).ensure_with(Path::new(&python()?))?;
        let models = fit(&interpreter, &folder)?;
        let versions = versions(&interpreter, peer)?;
        for group in chosen {
            let running = Running::start(group, peer, &interpreter, &models)?;
            let recording = record(group, &running, versions.clone(), &messages)?;
            drop(running);
            keep(group, peer, &recording, options.check)?;
            count += group.requests.len();
        }
    }
    ensure!(count > 0, "no such group of this server\n{USAGE}");
    say(format_args!("{count} exchanges"));
    Ok(())
}

fn parse(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let mut value = || {
            rest.next()
                .with_context(|| format!("{flag} needs a value\n{USAGE}"))
        };
        match flag.as_str() {
            "--peer" => {
                let name = value()?;
                let peer = Peer::ALL.into_iter().find(|peer| peer.name() == name);
                options.peer = Some(peer.with_context(|| format!("no server {name}\n{USAGE}"))?);
            }
            "--only" => options.only = Some(value()?.clone()),
            "--check" => options.check = true,
            _ => bail!("unknown flag \"{flag}\"\n{USAGE}"),
        }
    }
    Ok(options)
}

impl Options {
    fn chooses(&self, group: &Group, peer: Peer) -> bool {
        group.peers.contains(&peer)
            && self.peer.is_none_or(|chosen| chosen == peer)
            && self.only.as_ref().is_none_or(|only| *only == group.id)
    }
}

fn venv(peer: Peer) -> &'static Venv {
    match peer {
        Peer::MlServer => &MLSERVER_SKLEARN,
        Peer::KServe => &KSERVE,
    }
}

/// Fits the models, which must come out as those beside the components.
fn fit(interpreter: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let models = folder.join("models");
    run_command(
        Command::new(interpreter)
            .arg(root().join(FOLDER).join("train.py"))
            .arg(&models),
    )?;
    Ok(models)
}

fn versions(interpreter: &Path, peer: Peer) -> anyhow::Result<BTreeMap<String, String>> {
    let code = "import platform, sys, importlib.metadata as m\n\
                print('python', platform.python_version())\n\
                for name in sys.argv[1:]:\n\
                \x20   print(name, m.version(name))";
    let text = output(
        Command::new(interpreter)
            .args(["-c", code, peer.name()])
            .args(SHOWN),
    )?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect())
}

fn record(
    group: &Group,
    running: &Running,
    versions: BTreeMap<String, String>,
    messages: &Messages,
) -> anyhow::Result<Recording> {
    let replies = group
        .send(&running.target())
        .with_context(|| format!("see {}", running.log().display()))?;
    let responses = group.requests.iter().zip(&replies);
    let responses: Result<Vec<_>, _> = responses
        .map(|(request, reply)| {
            Recorded::new(request, reply, messages)
                .map_err(|what| anyhow::anyhow!("{}/{}: {what}", group.id, request.name))
        })
        .collect();
    Ok(Recording::new(versions, group, responses?))
}

fn keep(group: &Group, peer: Peer, recording: &Recording, check: bool) -> anyhow::Result<()> {
    let path = Recording::path(&root(), group, peer);
    let text = recording.to_text(group);
    if !check {
        fs::create_dir_all(path.parent().context("a recording has a folder")?)?;
        return fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()));
    }
    // The first line has the versions, which are no difference by themselves.
    let responses = |text: &str| text.split_once('\n').unwrap_or_default().1.to_owned();
    let committed = fs::read_to_string(&path).unwrap_or_default();
    check_responses(&path, &responses(&committed), &responses(&text))
}
