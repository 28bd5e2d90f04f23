//! A server that runs, and what its processes take.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use streeling_testkit::Request;

use super::models::FOUR;
use super::protocol::Protocol;

/// The kernel counts processor time in hundredths of a second, whatever its own clock is.
const TICKS: f64 = 100.0;

/// A request that has no response by then is sent again.
const TRY: Duration = Duration::from_millis(250);

/// The time between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// The ports of a server.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) rest: u16,
    pub(super) grpc: u16,
    pub(super) metrics: u16,
}

impl Ports {
    /// Three that were free a moment ago, all bound at once so that they differ.
    pub(super) fn free() -> anyhow::Result<Self> {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listeners = [bind()?, bind()?, bind()?];
        let port = |at: usize| anyhow::Ok(listeners[at].local_addr()?.port());
        Ok(Self {
            rest: port(0)?,
            grpc: port(1)?,
            metrics: port(2)?,
        })
    }
}

/// A server; dropping it kills its whole process group.
pub(super) struct Running {
    child: Child,
    ports: Ports,
    protocol: Protocol,
    log: PathBuf,
    started: Instant,
}

impl Running {
    /// Runs `command` in a process group of its own. It also ends with this program, however that
    /// ends: a server that is left behind would take part in the next measurement.
    pub(super) fn spawn(
        command: &Command,
        protocol: Protocol,
        ports: Ports,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        let variables = command.get_envs();
        let started = Instant::now();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(command.get_current_dir().unwrap_or(Path::new(".")))
            .env_clear()
            .envs(variables.filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("setpriv is needed (Debian: util-linux)")?;
        Ok(Self {
            child,
            ports,
            protocol,
            log: log.to_owned(),
            started,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.rest).into()
    }

    pub(super) fn grpc_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.grpc).into()
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The row that it responds to this one over REST.
    pub(super) fn predict(&self, row: &[f64], timeout: Duration) -> anyhow::Result<Vec<f64>> {
        let request = Request::json(self.protocol.path(), self.protocol.body(row));
        let response = request.send(self.address(), timeout)?;
        if response.status != 200 {
            let text = String::from_utf8_lossy(&response.body);
            bail!("{}: {text}", response.status);
        }
        let body: Value = serde_json::from_slice(&response.body)?;
        let row = self.protocol.row(&body);
        row.with_context(|| format!("no row in {body}"))
    }

    /// Sends a row until there is a response that `is_right`, and gives the time since the server
    /// was started.
    pub(super) fn first_response(
        &mut self,
        row: &[f64],
        timeout: Duration,
        is_right: impl Fn(&[f64]) -> bool,
    ) -> anyhow::Result<Duration> {
        loop {
            match self.predict(row, timeout) {
                Ok(found) if is_right(&found) => return Ok(self.started.elapsed()),
                Ok(found) => bail!("wrong response to {row:?}: {found:?}"),
                Err(error) => {
                    if let Some(status) = self.child.try_wait()? {
                        bail!("ended at start with {status}:\n{}", self.last_lines());
                    }
                    if self.started.elapsed() > timeout {
                        let lines = self.last_lines();
                        let seconds = timeout.as_secs();
                        return Err(error.context(format!("not ready after {seconds} s:\n{lines}")));
                    }
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The process that responds, where the model says that.
    pub(super) fn worker(&self, timeout: Duration) -> anyhow::Result<i32> {
        match self.predict(&FOUR, timeout)?.as_slice() {
            [pid] => Ok(*pid as i32),
            other => bail!("not a process: {other:?}"),
        }
    }

    /// Sends requests, one after the other, until another process responds than `old`. What fails
    /// meanwhile does not count.
    pub(super) fn successor(&self, old: i32, timeout: Duration) -> anyhow::Result<()> {
        let since = Instant::now();
        while since.elapsed() < timeout {
            // A request that went to the old process may never get a response.
            match self.worker(TRY) {
                Ok(pid) if pid != old => return Ok(()),
                Ok(_) => {}
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
        bail!("no successor within {} s", timeout.as_secs())
    }

    /// Megabytes of all its processes; what they share counts once.
    pub(super) fn memory(&self) -> anyhow::Result<f64> {
        let mut kilobytes = 0.0;
        for pid in self.processes()? {
            // One that has just ended takes nothing any more.
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
                continue;
            };
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let count = line.and_then(|line| line.split_whitespace().next());
            kilobytes += count.context("a process without Pss")?.parse::<f64>()?;
        }
        Ok(kilobytes * 1024.0 / 1e6)
    }

    /// Seconds of processor time of all its processes so far.
    pub(super) fn processor_time(&self) -> anyhow::Result<f64> {
        let processes = self.processes()?.into_iter();
        let stats = processes.filter_map(|pid| Stat::read(&pid.to_string()));
        Ok(stats.map(|stat| stat.ticks).sum::<f64>() / TICKS)
    }

    /// Its process and all that descend from it or are of its group.
    fn processes(&self) -> anyhow::Result<Vec<i32>> {
        let all = fs::read_dir("/proc")?
            .filter_map(|entry| Stat::read(entry.ok()?.file_name().to_str()?))
            .collect();
        Ok(family(all, self.pid()))
    }

    fn last_lines(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = File::open(&self.log) {
            // A log that is no text says nothing.
            let _ = file.read_to_string(&mut text);
        }
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.pid()) {
            // It may have ended already, which is fine.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// What the kernel says of a process.
#[derive(Clone, Debug, PartialEq)]
struct Stat {
    pid: i32,
    parent: i32,
    group: i32,
    /// Of its own and of its children that have ended.
    ticks: f64,
}

impl Stat {
    fn read(pid: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in brackets, may have spaces and brackets in it.
        let (pid, _) = text.split_once(' ')?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<f64>());
        Some(Self {
            pid: pid.parse().ok()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            ticks: ticks.sum::<Result<f64, _>>().ok()?,
        })
    }
}

/// Those of `all` that are `first`, of its group, or descend from one that is.
fn family(mut all: Vec<Stat>, first: i32) -> Vec<i32> {
    let mut family = vec![first];
    loop {
        let known = family.len();
        all.retain(|stat| {
            let is_ours = stat.group == first || family.contains(&stat.parent);
            if is_ours && stat.pid != first {
                family.push(stat.pid);
            }
            !is_ours
        });
        if family.len() == known {
            return family;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_though_its_name_has_brackets() {
        let text = "7 (a) (b) S 3 5 1 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 99 1 1\n";
        let expected = Stat {
            pid: 7,
            parent: 3,
            group: 5,
            ticks: 100.0,
        };
        assert_eq!(Stat::parse(text), Some(expected));
    }

    #[test]
    fn a_family_has_descendants_and_those_who_were_left_behind() {
        let stat = |pid, parent, group| Stat {
            pid,
            parent,
            group,
            ticks: 0.0,
        };
        let all = vec![
            stat(4, 3, 9),
            stat(3, 2, 9),
            stat(2, 1, 2),
            stat(5, 1, 2),
            stat(6, 1, 6),
        ];
        let mut family = family(all, 2);
        family.sort_unstable();
        assert_eq!(family, [2, 3, 4, 5]);
    }
}
