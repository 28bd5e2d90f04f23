//! A server's processes and ports, read from `/proc`.

use std::collections::BTreeSet;
use std::fs;

use crate::support::WORKER_START;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The running children of a process.
pub(crate) fn children(parent: u32) -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| parent_of(pid) == Some(parent))
        .collect()
}

/// The workers of a server: its running children but for the template, from which they are forked.
pub(crate) fn workers(server: u32) -> BTreeSet<u32> {
    let mut all = children(server);
    all.retain(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        !line
            .split(|byte| *byte == 0)
            .any(|word| word == b"template")
    });
    all
}

/// How many templates a server has.
pub(crate) fn templates() -> usize {
    usize::from(cfg!(target_os = "linux") && *WORKER_START != "spawn")
}

/// The parent of a process, unless that one only waits to be reaped.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

/// The TCP ports that a process listens on.
pub(crate) fn listening(pid: u32) -> BTreeSet<u16> {
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| {
            let inode = target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let tables =
        ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
            (*state == LISTEN && sockets.contains(*inode)).then_some(port)
        })
        .collect()
}
