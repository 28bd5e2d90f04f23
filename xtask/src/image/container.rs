//! A process in an unpacked image, with namespaces of its own in the place of a container runtime.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::shell::output;

/// Guards against a hang.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What Kubernetes gives a container between TERM and KILL.
const GRACE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(50);

/// What is to run, and in what.
pub(super) struct Setup<'a> {
    pub(super) root: &'a Path,
    /// As the configuration of the image says it.
    pub(super) config: &'a Value,
    pub(super) words: Vec<&'a str>,
    pub(super) environment: &'a [(&'a str, &'a str)],
    pub(super) writable: Writable,
}

/// Which part of the root may be written to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writable {
    /// A file system in memory at `/tmp`.
    Tmp,
    /// All of it, as while an image is built.
    All,
}

/// The new root lies on a mount of its own, so that it can be made read-only. The user of the image
/// is the one that owns all of its files.
const SCRIPT: &str = r#"
root=$1 folder=$2 user=$3 writable=$4
shift 4
ip link set lo up
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
if [ "$writable" = tmp ]; then
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -o remount,bind,ro "$root"
fi
exec unshare --user --map-user="$user" --map-group="$user" --root="$root" --wd="$folder" -- "$@"
"#;

/// It is killed where it is dropped.
pub(super) struct Container {
    process: Child,
    log: PathBuf,
}

impl Container {
    pub(super) fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let (root, config) = (setup.root, setup.config);
        for folder in ["dev", "proc", "tmp"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let user = config["User"].as_str().context("the image has no user")?;
        let folder = config["WorkingDir"].as_str().unwrap_or("/");
        let log = root.with_extension("log");
        let output = File::create(&log)?;
        let variables = config["Env"].as_array().into_iter().flatten();
        let variables = variables.filter_map(|one| one.as_str()?.split_once('='));
        let writable = match setup.writable {
            Writable::Tmp => "tmp",
            Writable::All => "all",
        };
        let process = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--pid", "--net"])
            .args(["--fork", "--kill-child", "sh", "-euc", SCRIPT, "sh"])
            .arg(root)
            .args([folder, user, writable])
            .args(&setup.words)
            .env_clear()
            .envs(variables)
            .envs(setup.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("unshare of util-linux is needed")?;
        Ok(Self { process, log })
    }

    /// What a POST is responded with, as soon as there is a response.
    pub(super) fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Value> {
        // Before it has children, it is not in the network of its own.
        self.first_process()?;
        let start = Instant::now();
        loop {
            let mut curl = Command::new("nsenter");
            curl.args(["--user", "--net", "--preserve-credentials", "--target"])
                .arg(self.process.id().to_string())
                .args(["curl", "-q", "--silent", "--show-error", "--noproxy", "*"])
                .args(["--max-time", "30", "--header"])
                .args(["content-type: application/json", "--data", body])
                .arg(format!("http://127.0.0.1:9000{path}"));
            match output(&mut curl) {
                Ok(text) => return Ok(serde_json::from_str(&text)?),
                Err(error) => self.still_waits(start, &error)?,
            }
            sleep(PAUSE);
        }
    }

    /// Sends TERM; gives how long it took to end.
    pub(super) fn terminate(mut self) -> anyhow::Result<Duration> {
        let first = self.first_process()?;
        let start = Instant::now();
        kill_process(first, Signal::TERM)?;
        let status = self.wait(GRACE)?;
        ensure!(
            status.code() == Some(0),
            "after TERM it ended with {status}:\n{}",
            self.logged()
        );
        Ok(start.elapsed())
    }

    /// Waits until it has ended by itself, with exit code 0; gives what it printed.
    pub(super) fn finish(mut self) -> anyhow::Result<String> {
        let status = self.wait(TIMEOUT * 3)?;
        ensure!(status.success(), "{status}:\n{}", self.logged());
        Ok(self.logged())
    }

    fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            ensure!(
                start.elapsed() < limit,
                "it still runs after {limit:?}:\n{}",
                self.logged()
            );
            sleep(PAUSE);
        }
    }

    /// Process 1 of the namespace, by its number here.
    fn first_process(&mut self) -> anyhow::Result<Pid> {
        let id = self.process.id();
        let start = Instant::now();
        loop {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
            let child = children.ok().and_then(|text| text.trim().parse().ok());
            if let Some(pid) = child.and_then(Pid::from_raw) {
                return Ok(pid);
            }
            self.still_waits(start, &anyhow::anyhow!("it has no process 1"))?;
            sleep(PAUSE);
        }
    }

    fn still_waits(&mut self, start: Instant, error: &anyhow::Error) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("it ended with {status}:\n{}", self.logged());
        }
        ensure!(
            start.elapsed() < TIMEOUT,
            "{error:#} after {TIMEOUT:?}:\n{}",
            self.logged()
        );
        Ok(())
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
