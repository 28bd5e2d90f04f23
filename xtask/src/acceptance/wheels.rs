//! The wheels that are published, installed into empty environments from their folder alone.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::json;
use streeling_testkit::{Server, ServerCommand};

use super::programs;
use crate::dist::release::{self, TARGETS};
use crate::dist::{archive, wheels};
use crate::pythons;
use crate::shell::{output, root, run as run_program, say};
use crate::venv;

/// It fails where it runs under another interpreter than the environment's.
const CLASS: &str = "import os
import sys

if os.path.realpath(sys.prefix) != os.path.realpath(os.environ['EXPECTED']):
    raise RuntimeError('constructed under ' + sys.prefix)


class Doubles:
    def predict(self, X, names, meta=None):
        return [[2 * value for value in row] for row in X]
";

/// What the command says where it has the name from seldon-core.
const TAKEN: &str = "has taken this name from seldon-core";

/// The one whose command has the same name, without what it needs: it is not to run.
const SELDON_CORE: &str = "seldon-core==1.18.2";

pub(super) fn run() -> anyhow::Result<String> {
    let version = release::version()?;
    let mut seen = Vec::new();
    for interpreter in [pythons::oldest_interpreter()?, PathBuf::from("python3")] {
        let said = output(Command::new(&interpreter).arg("--version"))?;
        let said = said.trim().to_owned();
        one(&interpreter, &version).with_context(|| said.clone())?;
        say(format_args!("   {said}: installed, served, uninstalled"));
        seen.push(said);
    }
    let platforms = every_platform(&version)?;
    made_again()?;
    Ok(format!(
        "{}; pip takes them for {platforms}",
        seen.join(", ")
    ))
}

/// An environment, and where its component lies.
struct Place {
    python: PathBuf,
    environment: PathBuf,
    folder: PathBuf,
}

fn one(interpreter: &Path, version: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let environment = folder.path().join("environment");
    let place = Place {
        python: venv::make_empty(interpreter, &environment)?,
        folder: folder.path().to_owned(),
        environment,
    };
    fs::write(place.folder.join("Doubles.py"), CLASS)?;
    let before = files(&place.environment)?;

    place.install(&["streeling-seldon"])?;
    let said = output(Command::new(place.program("streeling")).arg("--version"))?;
    let expected = format!("streeling {version}");
    ensure!(said.trim() == expected, "{said:?} is not {expected:?}");
    place.pip(&["check"])?;
    // As in an environment that is active.
    let active = place
        .command("streeling")
        .env("VIRTUAL_ENV", &place.environment);
    served(&active)?;
    let quiet = served(&place.command("seldon-core-microservice"))?;
    ensure!(
        !quiet.join("\n").contains(TAKEN),
        "seldon-core is not there: {quiet:?}"
    );

    place.pip(&[
        "install",
        "--no-deps",
        "--ignore-requires-python",
        SELDON_CORE,
    ])?;
    place.install(&["--no-deps", "--force-reinstall", "streeling-seldon"])?;
    let log = served(&place.command("seldon-core-microservice"))?;
    let expected = format!("{TAKEN} 1.18.2");
    ensure!(
        log.join("\n").contains(&expected),
        "it does not say {expected:?}: {log:?}"
    );

    place.pip(&[
        "uninstall",
        "--yes",
        "streeling-seldon",
        "streeling",
        "seldon-core",
    ])?;
    let left: Vec<_> = files(&place.environment)?
        .difference(&before)
        .cloned()
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

impl Place {
    fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }

    fn pip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run_program(&mut pip(&self.python, arguments))
    }

    /// Installs from the folder of the wheels and from nowhere else.
    fn install(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run_program(
            pip(&self.python, &["install", "--no-index", "--find-links"])
                .arg(release::wheels())
                .args(arguments),
        )
    }

    /// A command of the environment that serves the component.
    fn command(&self, name: &str) -> ServerCommand {
        ServerCommand::new(self.program(name), &self.folder)
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.folder)
            .env("LANG", "C.UTF-8")
            .env("EXPECTED", &self.environment)
            .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0")
            .args(["Doubles", "--http-port", "0", "--grpc-port", "0"])
    }
}

fn pip(python: &Path, arguments: &[&str]) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"])
        .args(arguments)
        .current_dir(root());
    pip
}

/// Starts a server and lets it respond; gives what it has said.
fn served(command: &ServerCommand) -> anyhow::Result<Vec<String>> {
    let server: Server = command.start()?;
    programs::expect(&server, &json!([[2.0, -1.0]]), &json!([[4.0, -2.0]]))?;
    Ok(server.log())
}

/// Every file of an environment but what Python compiles for itself.
fn files(folder: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == "__pycache__") {
            continue;
        }
        // An empty folder would be left behind, too.
        found.insert(path.clone());
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path)?);
        }
    }
    Ok(found)
}

/// Lets pip choose the wheel of every platform that it is for, as on a machine of that kind.
fn every_platform(version: &str) -> anyhow::Result<String> {
    let python = venv::WHEELS.ensure()?;
    let mut seen = Vec::new();
    for target in &TARGETS {
        for platform in wheels::platforms(target) {
            let folder = tempfile::tempdir()?;
            run_program(
                pip(
                    &python,
                    &["download", "--no-index", "--no-deps", "--find-links"],
                )
                .arg(release::wheels())
                .args(["--only-binary", ":all:", "--python-version", "3.8"])
                .args(["--platform", &platform, "--dest"])
                .arg(folder.path())
                .arg(format!("streeling=={version}")),
            )
            .with_context(|| platform.clone())?;
            seen.push(platform);
        }
    }
    Ok(seen.join(", "))
}

/// Makes this machine's wheels again: they must be the same.
fn made_again() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let target = TARGETS.iter().find(|target| target.arch == ARCH);
    let target = target.with_context(|| format!("no wheel is made for {ARCH}"))?;
    for again in [
        wheels::server(target, folder.path())?,
        wheels::command_wheel(folder.path())?,
    ] {
        let name = again.file_name().context("it is a file")?.to_owned();
        let first = release::wheels().join(&name);
        let [first, again] = [first, again].map(|file| fs::read(file).map(|b| archive::sha256(&b)));
        let (first, again) = (first?, again?);
        ensure!(
            first == again,
            "{} made again: {again}, not {first}",
            name.display()
        );
    }
    Ok(())
}
