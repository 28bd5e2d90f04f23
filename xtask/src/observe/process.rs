//! What processes hold, read from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// What a server and its workers hold at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory of the server process, in kilobytes.
    pub(crate) resident: u64,
    /// Proportional memory of the server and all that descend from it, in kilobytes.
    pub(crate) tree: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    pub(crate) processes: u64,
}

impl Usage {
    /// Reads it.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let status = status(pid)?;
        let all = descendants(pid)?;
        // One that has just ended has none.
        let mut tree = proportional(pid).unwrap_or_default();
        tree += all.iter().filter_map(|&pid| proportional(pid)).sum::<u64>();
        Ok(Self {
            resident: field(&status, "VmRSS:").context("no VmRSS")?,
            tree,
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            threads: field(&status, "Threads:").context("no Threads")?,
            processes: all.len() as u64,
        })
    }
}

/// Resident memory of a process, in kilobytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    field(&status(pid)?, "VmRSS:").context("no VmRSS")
}

/// What a process has computed so far.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    const TICKS: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').context("no name in stat")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The children of a process, those included that it has not reaped yet.
pub(crate) fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: Vec<u32> = pids.filter(|&pid| parent_of(pid) == Some(parent)).collect();
    children.sort_unstable();
    Ok(children)
}

/// The words of a process's command line; none of one that has ended.
pub(crate) fn words_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&line).into_owned();
    // A title is written over the arguments, with spaces.
    words
        .split(['\0', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn descendants(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut all = children(pid)?;
    let mut at = 0;
    while let Some(&next) = all.get(at) {
        all.extend(children(next)?);
        at += 1;
    }
    Ok(all)
}

fn status(pid: u32) -> anyhow::Result<String> {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .context("the server has ended, or this is not Linux")
}

fn proportional(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    field(&text, "Pss:")
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_and_its_child_are_seen() {
        let mut child = Command::new("sleep")
            .arg("60")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let me = std::process::id();
        assert!(children(me).unwrap().contains(&child.id()));
        let usage = Usage::of(me).unwrap();
        assert!(usage.resident > 1000 && usage.tree > 500, "{usage:?}");
        assert!(usage.threads >= 1 && usage.descriptors >= 3 && usage.processes >= 1);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
