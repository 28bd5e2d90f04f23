//! Where the servers come from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::servers::{Kind, Server};
use super::turns::Options;
use crate::conformance;
use crate::shell::{cargo, output, root, run, target};
use crate::venv::{self, Venv};

pub(super) const STREELING: &str = "Streeling";
pub(super) const SELDON_CORE: &str = "seldon-core";
pub(super) const MLSERVER: &str = "mlserver";

/// A server, or why there is none.
pub(super) struct Candidate {
    pub(super) name: &'static str,
    pub(super) server: anyhow::Result<Server>,
}

/// Builds this server as it is released, and gives the executable.
pub(super) fn release() -> anyhow::Result<PathBuf> {
    run(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
    Ok(target()?.join("release/streeling"))
}

/// An executable of this server.
pub(super) fn streeling(program: PathBuf) -> anyhow::Result<Server> {
    let bin = venv::RUNTIME.programs()?;
    let version = output(Command::new(&program).arg("--version"))?;
    let version = version.trim().rsplit(' ').next().unwrap_or_default();
    let commit = output(
        Command::new("git")
            .current_dir(root())
            .args(["describe", "--always", "--dirty"]),
    )?;
    Ok(Server {
        name: STREELING,
        versions: format!("{version} ({}), {}", commit.trim(), python(&bin, None)?),
        kind: Kind::Streeling,
        program,
        bin,
    })
}

/// seldon-core in the environment that is given, or else in the one that is made if it is missing.
pub(super) fn seldon_core(given: Option<&Path>) -> anyhow::Result<Server> {
    let bin = conformance::peer(&root(), given)?.join("bin");
    Ok(Server {
        name: SELDON_CORE,
        versions: python(&bin, Some("seldon-core"))?,
        kind: Kind::SeldonCore,
        program: bin.join("seldon-core-microservice"),
        bin,
    })
}

/// This server, and what `bench rest` and `bench grpc` put beside it: seldon-core, or another build
/// of this server.
pub(super) fn pair(options: &Options) -> anyhow::Result<[Server; 2]> {
    let other = match &options.against {
        Some(program) => streeling(program.canonicalize()?)?,
        None => seldon_core(options.peer.as_deref())?,
    };
    Ok([streeling(release()?)?, other])
}

/// A server from the package index, in an environment of its own.
struct Peer {
    name: &'static str,
    kind: Kind,
    venv: Venv,
    program: &'static str,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "mosec",
        kind: Kind::Mosec,
        venv: venv::MOSEC,
        program: "python",
    },
    Peer {
        name: MLSERVER,
        kind: Kind::Mlserver,
        venv: venv::MLSERVER,
        program: "mlserver",
    },
    Peer {
        name: "litserve",
        kind: Kind::Litserve,
        venv: venv::LITSERVE,
        program: "python",
    },
];

/// The names of all servers, in the order of the tables.
pub(super) const NAMES: [&str; 5] = [
    STREELING,
    SELDON_CORE,
    PEERS[0].name,
    PEERS[1].name,
    PEERS[2].name,
];

/// The servers of these names, installed unless they are; one that cannot be is there with the
/// reason.
pub(super) fn candidates(names: &[&str], seldon: Option<&Path>) -> Vec<Candidate> {
    let peers = PEERS.iter().filter(|peer| names.contains(&peer.name));
    let own = Candidate {
        name: STREELING,
        server: release().and_then(streeling),
    };
    let reference = names.contains(&SELDON_CORE).then(|| Candidate {
        name: SELDON_CORE,
        server: seldon_core(seldon),
    });
    let peers = peers.map(|peer| Candidate {
        name: peer.name,
        server: peer.install(),
    });
    [own].into_iter().chain(reference).chain(peers).collect()
}

impl Peer {
    fn install(&self) -> anyhow::Result<Server> {
        // The newest that seldon-core runs on, so that all run on the same.
        let python_path = self.venv.ensure_with(Path::new("python3.11"))?;
        let bin = python_path.parent().context("a program lies in a folder")?;
        Ok(Server {
            name: self.name,
            versions: python(bin, Some(self.name))?,
            kind: self.kind,
            program: bin.join(self.program),
            bin: bin.to_owned(),
        })
    }
}

/// The versions of a package, of Python and of NumPy.
fn python(bin: &Path, package: Option<&str>) -> anyhow::Result<String> {
    let code = "import importlib.metadata as m, platform, sys\n\
                names = [*sys.argv[1:], 'numpy']\n\
                words = [f'{name} {m.version(name)}' for name in names]\n\
                print(', '.join([*words, f'Python {platform.python_version()}']))";
    let text = output(
        Command::new(bin.join("python"))
            .args(["-c", code])
            .args(package),
    )?;
    Ok(text.trim().to_owned())
}
