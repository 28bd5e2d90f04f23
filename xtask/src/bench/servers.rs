//! The two servers, with models made for measuring.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use streeling_testkit::{Group, Launch, Request, Running};
use tempfile::TempDir;

use super::models::Model;
use super::turns::{Options, Side};
use crate::shell::{cargo, root, run, target};
use crate::{conformance, venv};

/// Both servers, ready to be started on any of the models.
pub(super) struct Servers {
    ours: Launch,
    theirs: Launch,
    folder: TempDir,
}

impl Servers {
    /// Builds ours, installs seldon-core unless an environment holds it or another build takes its
    /// part, and writes the models.
    pub(super) fn prepare(options: &Options, models: &[&Model]) -> anyhow::Result<Self> {
        run(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
        let python = venv::RUNTIME.ensure()?;
        let folder = tempfile::tempdir()?;
        for model in models {
            let file = folder.path().join(model.name).with_extension("py");
            fs::write(file, model.source)?;
        }
        let bin = python.parent().context("an interpreter lies in a folder")?;
        let theirs = if let Some(other) = &options.against {
            launch(other.canonicalize()?, bin, folder.path())
        } else {
            let peer = conformance::peer(&root(), options.peer.as_deref())?;
            let program = peer.join("bin/seldon-core-microservice");
            launch(program, &peer.join("bin"), folder.path())
        };
        Ok(Self {
            ours: launch(target()?.join("release/streeling"), bin, folder.path()),
            theirs,
            folder,
        })
    }

    /// Where the models lie, and other files may.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server with one worker, and sends it `body` once over REST.
    pub(super) fn start(
        &self,
        side: Side,
        model: &Model,
        threads: usize,
        body: &str,
    ) -> anyhow::Result<Running> {
        let running = self.launch(side, model, threads)?;
        let response =
            Request::json("/predict", body).send(running.address(), Duration::from_secs(5))?;
        if response.status != 200 {
            bail!(
                "{}: {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            );
        }
        Ok(running)
    }

    /// Starts a server with one worker for each transport.
    pub(super) fn launch(
        &self,
        side: Side,
        model: &Model,
        threads: usize,
    ) -> anyhow::Result<Running> {
        let launch = match side {
            Side::Ours => &self.ours,
            Side::Theirs => &self.theirs,
        };
        let group = Group {
            id: format!("{}/bench", model.name),
            component: model.name.to_owned(),
            flags: ["--workers", "1", "--threads"]
                .map(str::to_owned)
                .into_iter()
                .chain([threads.to_string()])
                .collect(),
            env: BTreeMap::new(),
            tensorflow: false,
            exchanges: Vec::new(),
        };
        Ok(launch.start(&group, self.folder())?)
    }
}

/// How a server is started, in an environment that both have.
pub(super) fn launch(program: PathBuf, bin: &Path, folder: &Path) -> Launch {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    Launch {
        program,
        arguments: Vec::new(),
        env: BTreeMap::from([
            ("PATH".to_owned(), path),
            // One model thread must not become many inside a matrix product.
            ("OMP_NUM_THREADS".to_owned(), "1".to_owned()),
            ("OPENBLAS_NUM_THREADS".to_owned(), "1".to_owned()),
        ]),
        logs: folder.to_owned(),
        deadline: Duration::from_secs(30),
    }
}
