//! The servers that are measured, and how each is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::models::{FOUR, Model, close};
use super::protocol::Protocol;
use super::running::{Ports, Running};
use super::workplace::Workplace;
use crate::shell::run;

/// Longer than any start takes when all is well.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server that is installed.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) name: &'static str,
    /// Of itself, its Python and its NumPy.
    pub(super) versions: String,
    pub(super) kind: Kind,
    pub(super) program: PathBuf,
    /// Where its Python and the programs of that environment are.
    pub(super) bin: PathBuf,
}

/// What a server's command line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// This server, by seldon-core's command line.
    Streeling,
    /// The same, called by the Open Inference Protocol.
    StreelingOip,
    SeldonCore,
    Mosec,
    Mlserver,
    Litserve,
}

/// How a server is to be started, where it is not its own default.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) model: &'a Model,
    /// Processes that run the component for REST.
    pub(super) workers: Option<usize>,
    /// Threads of each, where there are any.
    pub(super) threads: Option<usize>,
    /// More flags of seldon-core's command line.
    pub(super) flags: &'a [&'a str],
    pub(super) env: &'a [(&'a str, String)],
}

impl<'a> Setup<'a> {
    /// Everything as the server has it.
    pub(super) fn defaults(model: &'a Model) -> Self {
        Self {
            model,
            workers: None,
            threads: None,
            flags: &[],
            env: &[],
        }
    }

    /// One worker with so many threads.
    pub(super) fn threads(model: &'a Model, threads: usize) -> Self {
        Self {
            workers: Some(1),
            threads: Some(threads),
            ..Self::defaults(model)
        }
    }
}

impl Kind {
    fn protocol(self) -> Protocol {
        match self {
            Self::Streeling | Self::SeldonCore | Self::Litserve => Protocol::Seldon,
            Self::Mosec => Protocol::Mosec,
            Self::StreelingOip | Self::Mlserver => Protocol::OpenInference,
        }
    }

    /// Whether it has seldon-core's flags, threads and gRPC method.
    pub(super) fn is_seldon(self) -> bool {
        matches!(self, Self::Streeling | Self::SeldonCore)
    }

    /// The gRPC method of a prediction; none where there is no gRPC.
    pub(super) fn method(self) -> Option<&'static str> {
        (self != Self::Litserve)
            .then(|| self.protocol().method())
            .flatten()
    }
}

impl Server {
    /// Starts it and waits until it responds as the model does.
    pub(super) fn start(&self, work: &Workplace, setup: Setup<'_>) -> anyhow::Result<Running> {
        Ok(self.start_timed(work, setup)?.0)
    }

    /// The same, and the time that passed.
    pub(super) fn start_timed(
        &self,
        work: &Workplace,
        setup: Setup<'_>,
    ) -> anyhow::Result<(Running, Duration)> {
        let ports = Ports::free()?;
        let command = self.command(work.folder(), setup, ports);
        let log = work.folder().join(format!("{}.log", self.name));
        let mut running = Running::spawn(&command, self.kind.protocol(), ports, &log)?;
        let predict = setup.model.predict;
        let took = running.first_response(&FOUR, TIMEOUT, |row| {
            predict.is_none_or(|predict| close(row, &predict(&FOUR)))
        })?;
        Ok((running, took))
    }

    fn command(&self, folder: &Path, setup: Setup<'_>, ports: Ports) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(folder)
            .envs(self.environment())
            .envs(setup.env.iter().map(|(name, value)| (name, value)))
            .env("BENCH_MODEL", setup.model.name)
            .env("BENCH_WORKERS", setup.workers.unwrap_or(1).to_string());
        let Ports {
            rest,
            grpc,
            metrics,
        } = ports;
        let [rest, grpc, metrics] = [rest, grpc, metrics].map(|port| port.to_string());
        match self.kind {
            Kind::Streeling | Kind::StreelingOip | Kind::SeldonCore => {
                if self.kind == Kind::StreelingOip {
                    command.env("STREELING_MODEL_NAME", "bench");
                }
                command
                    .arg(setup.model.name)
                    .args(["--http-port", &rest, "--grpc-port", &grpc])
                    // A build without metrics takes no flag for their port.
                    .env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", metrics)
                    .args(setup.flags);
                let numbers = [("--workers", setup.workers), ("--threads", setup.threads)];
                for (flag, number) in numbers {
                    if let Some(number) = number {
                        command.args([flag, &number.to_string()]);
                    }
                }
            }
            Kind::Mosec => {
                // The measurements have long calls, large bodies and many connections.
                command
                    .args(["mosec_app.py", "--address", "127.0.0.1", "--port", &rest])
                    .args(["--timeout", "120000", "--max-request-size", "2147483647"])
                    .args(["--capacity", "20000"]);
            }
            Kind::Litserve => {
                command.arg("litserve_app.py").env("BENCH_PORT", rest);
            }
            Kind::Mlserver => {
                command
                    .args(["start", "."])
                    .env("MLSERVER_HOST", "127.0.0.1")
                    .env("MLSERVER_HTTP_PORT", rest)
                    .env("MLSERVER_GRPC_PORT", grpc)
                    .env("MLSERVER_METRICS_PORT", metrics)
                    // It prints a line for every request otherwise.
                    .env("MLSERVER_DEBUG", "false")
                    .env("PYTHONPATH", ".");
                // One worker is fastest within the server's own process.
                if let Some(workers) = setup.workers {
                    let workers = if workers == 1 { 0 } else { workers };
                    command.env("MLSERVER_PARALLEL_WORKERS", workers.to_string());
                }
            }
        }
        command
    }

    /// An environment that all have.
    fn environment(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (
                "PATH",
                format!("{}:/usr/local/bin:/usr/bin:/bin", self.bin.display()),
            ),
            ("HOME", "/tmp".to_owned()),
            // One model thread must not become many inside a matrix product.
            ("OMP_NUM_THREADS", "1".to_owned()),
            ("OPENBLAS_NUM_THREADS", "1".to_owned()),
        ])
    }

    /// How long its Python takes to import a model, and nothing else.
    pub(super) fn import(&self, work: &Workplace, model: &Model) -> anyhow::Result<Duration> {
        let start = Instant::now();
        run(Command::new(self.bin.join("python"))
            .args(["-c", &format!("import {}", model.name)])
            .current_dir(work.folder())
            .env_clear()
            .envs(self.environment()))?;
        Ok(start.elapsed())
    }
}

/// A server that is not there, for tests of what is done with servers.
#[cfg(test)]
pub(super) fn test_server(name: &'static str) -> Server {
    Server {
        name,
        versions: "1.0".to_owned(),
        kind: Kind::Streeling,
        program: PathBuf::new(),
        bin: PathBuf::new(),
    }
}
