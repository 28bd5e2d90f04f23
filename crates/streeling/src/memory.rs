//! The memory that requests under way may take, and what is free of the machine's or container's.

use std::fs;
use std::path::{Path, PathBuf};

use streeling_config::Settings;
use streeling_core::Budget;
#[cfg(feature = "metrics")]
use {std::sync::Arc, streeling_core::MetricSource};

/// The least that requests get where it is not set.
const LEAST: usize = 64 << 20;

/// What is taken to be free where the system does not say.
const UNKNOWN: usize = 2 << 30;

/// The server's budget for requests.
pub(crate) struct Memory {
    budget: Budget,
    is_set: bool,
}

impl Memory {
    /// That of the settings; else [`Memory::measure`] makes it.
    pub(crate) fn new(settings: &Settings) -> Self {
        let set = settings.listen.max_memory;
        Self {
            budget: Budget::new(set.unwrap_or(LEAST)),
            is_set: set.is_some(),
        }
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Shows it to Prometheus.
    #[cfg(feature = "metrics")]
    pub(crate) fn metrics(&self) -> MetricSource {
        let budget = self.budget.clone();
        Arc::new(move |out| budget.samples(out))
    }

    /// Has requests take half of what is free now, unless a setting says how much: to be called
    /// when the component is loaded, so that it is what workers leave.
    pub(crate) fn measure(&self) {
        let set = if self.is_set {
            "set"
        } else {
            let free = free(Path::new("/")).unwrap_or(UNKNOWN);
            self.budget.set_limit((free / 2).max(LEAST));
            "half of what is free, and 64 MiB at least"
        };
        tracing::info!(
            "requests under way may take {} MiB in the server: {set} (--max-memory, \
             STREELING_MAX_MEMORY)",
            self.budget.limit() >> 20
        );
    }
}

/// Bytes that can still be had in the container, and on the machine below `root`; `None` where that
/// is not known.
fn free(root: &Path) -> Option<usize> {
    let machine = number(&root.join("proc/meminfo"), "MemAvailable:").map(|kib| kib << 10);
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let container = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let path = path.trim_start_matches('/');
        let of_memory = controllers.split(',').any(|name| name == "memory");
        let (mount, names) = match controllers {
            "" => ("sys/fs/cgroup", &UNIFIED),
            _ if of_memory => ("sys/fs/cgroup/memory", &FIRST),
            _ => return None,
        };
        free_of(&root.join(mount), path, names)
    });
    container.chain(machine).min()
}

/// What the files of a control group are called.
struct Names {
    limit: &'static str,
    usage: &'static str,
    /// Of what is given back when it is needed, in `memory.stat`.
    cache: &'static str,
}

const UNIFIED: Names = Names {
    limit: "memory.max",
    usage: "memory.current",
    cache: "inactive_file",
};

const FIRST: Names = Names {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cache: "total_inactive_file",
};

/// What is free of the tightest limit of a control group and those around it. In a container the
/// group's path may be that of the machine, and the group itself is what is mounted.
fn free_of(mount: &Path, path: &str, names: &Names) -> Option<usize> {
    let group = mount.join(path);
    let group: PathBuf = if group.is_dir() { group } else { mount.into() };
    let groups = group
        .ancestors()
        .take_while(|group| group.starts_with(mount));
    let free = groups.filter_map(|group| {
        let read = |name| fs::read_to_string(group.join(name)).ok();
        // Without a limit it says `max`, or a number beyond all memory.
        let limit: usize = read(names.limit)?.trim().parse().ok()?;
        let usage: usize = read(names.usage)?.trim().parse().ok()?;
        let cache = number(&group.join("memory.stat"), names.cache).unwrap_or(0);
        Some(limit.saturating_sub(usage.saturating_sub(cache)))
    });
    free.min()
}

/// The number behind a word at the start of a line.
fn number(file: &Path, word: &str) -> Option<usize> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next() == Some(word)).then(|| fields.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MACHINE: (&str, &str) = (
        "proc/meminfo",
        "MemTotal: 9000 kB\nMemAvailable:    4096000 kB\nCached: 1 kB\n",
    );

    #[test]
    fn the_tightest_limit_around_the_process_counts_without_its_cache() {
        let group = "sys/fs/cgroup/pod/one";
        let root = files(&[
            MACHINE,
            ("proc/self/cgroup", "0::/pod/one\n"),
            (&format!("{group}/memory.max"), "max\n"),
            (&format!("{group}/memory.current"), "1048576\n"),
            ("sys/fs/cgroup/pod/memory.max", "536870912\n"),
            ("sys/fs/cgroup/pod/memory.current", "209715200\n"),
            (
                "sys/fs/cgroup/pod/memory.stat",
                "anon 1\ninactive_file 104857600\nactive_file 5\n",
            ),
        ]);
        assert_eq!(free(root.path()), Some(412 * MIB));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let mount = "sys/fs/cgroup";
        let root = files(&[
            MACHINE,
            ("proc/self/cgroup", "0::/kubepods/elsewhere\n"),
            (&format!("{mount}/memory.max"), "104857600\n"),
            (&format!("{mount}/memory.current"), "115343360\n"),
            (&format!("{mount}/memory.stat"), "inactive_file 20971520\n"),
        ]);
        assert_eq!(free(root.path()), Some(10 * MIB));
    }

    #[test]
    fn the_first_version_of_control_groups_is_read_as_well() {
        let mount = "sys/fs/cgroup/memory";
        let root = files(&[
            MACHINE,
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/x\n"),
            (&format!("{mount}/memory.limit_in_bytes"), "1073741824"),
            (&format!("{mount}/memory.usage_in_bytes"), "536870912"),
            (
                &format!("{mount}/memory.stat"),
                "cache 9\ntotal_inactive_file 1048576\n",
            ),
        ]);
        assert_eq!(free(root.path()), Some(513 * MIB));
    }

    #[test]
    fn without_a_limit_the_machine_counts() {
        let unlimited = [
            ("proc/self/cgroup", "4:memory:/\n"),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712",
            ),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "5"),
        ];
        let root = files(&[&[MACHINE], &unlimited[..]].concat());
        assert_eq!(free(root.path()), Some(4000 * MIB));
        assert_eq!(free(files(&[MACHINE]).path()), Some(4000 * MIB));
        assert_eq!(free(files(&[]).path()), None);
    }
}
