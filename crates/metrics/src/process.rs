//! The CPU time, memory and file descriptors of processes. Linux only: elsewhere there are no
//! samples.

use streeling_core::Sample;

/// A worker slot, and the process that runs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerProcess {
    /// The number of the worker slot.
    pub worker: usize,
    /// The id of the process.
    pub pid: u32,
}

/// Names of this process's metrics, which Prometheus' client libraries have in common.
pub(crate) const NAMES: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

/// Adds samples of this process and of the workers. A process that has exited has none.
#[cfg(target_os = "linux")]
pub(crate) fn sample(workers: &[WorkerProcess], out: &mut Vec<Sample>) {
    if let Some(own) = linux::Usage::of(std::process::id()) {
        own.push_server(out);
    }
    for worker in workers {
        if let Some(usage) = linux::Usage::of(worker.pid) {
            usage.push_worker(worker.worker, out);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sample(_workers: &[WorkerProcess], _out: &mut Vec<Sample>) {}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{LimitValue, Process};
    use streeling_core::Sample;

    pub(super) struct Usage {
        cpu_seconds: f64,
        threads: f64,
        resident: f64,
        virtual_memory: f64,
        start: Option<f64>,
        open_fds: Option<f64>,
        max_fds: Option<f64>,
    }

    impl Usage {
        pub(super) fn of(pid: u32) -> Option<Self> {
            let process = Process::new(i32::try_from(pid).ok()?).ok()?;
            let stat = process.stat().ok()?;
            let ticks = procfs::ticks_per_second() as f64;
            let boot = procfs::boot_time_secs().ok();
            let limits = process.limits().ok();
            Some(Self {
                cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
                threads: stat.num_threads as f64,
                resident: stat.rss as f64 * procfs::page_size() as f64,
                virtual_memory: stat.vsize as f64,
                start: boot.map(|boot| boot as f64 + stat.starttime as f64 / ticks),
                // The descriptors of another user's process cannot be read.
                open_fds: process.fd_count().ok().map(|count| count as f64),
                max_fds: limits.and_then(|limits| match limits.max_open_files.soft_limit {
                    LimitValue::Value(limit) => Some(limit as f64),
                    LimitValue::Unlimited => None,
                }),
            })
        }

        pub(super) fn push_server(&self, out: &mut Vec<Sample>) {
            let mut add = |name, help, value: Option<f64>| {
                out.extend(value.map(|value| Sample {
                    name,
                    help,
                    labels: Vec::new(),
                    value,
                }));
            };
            add(
                "process_cpu_seconds_total",
                "CPU time of the server process, without the workers.",
                Some(self.cpu_seconds),
            );
            add(
                "process_max_fds",
                "File descriptors that the server process may have open.",
                self.max_fds,
            );
            add(
                "process_open_fds",
                "File descriptors that the server process has open.",
                self.open_fds,
            );
            add(
                "process_resident_memory_bytes",
                "Memory of the server process, without the workers.",
                Some(self.resident),
            );
            add(
                "process_start_time_seconds",
                "When the server process was started, in seconds since 1970.",
                self.start,
            );
            add(
                "process_threads",
                "Threads of the server process.",
                Some(self.threads),
            );
            add(
                "process_virtual_memory_bytes",
                "Address space of the server process.",
                Some(self.virtual_memory),
            );
        }

        pub(super) fn push_worker(&self, worker: usize, out: &mut Vec<Sample>) {
            let mut add = |name, help, value: Option<f64>| {
                out.extend(value.map(|value| Sample {
                    name,
                    help,
                    labels: vec![("worker_id", worker.to_string().into())],
                    value,
                }));
            };
            add(
                "streeling_worker_cpu_seconds_total",
                "CPU time of the process in a worker slot, from its start.",
                Some(self.cpu_seconds),
            );
            add(
                "streeling_worker_open_fds",
                "File descriptors that the process in a worker slot has open.",
                self.open_fds,
            );
            add(
                "streeling_worker_resident_memory_bytes",
                "Memory of the process in a worker slot.",
                Some(self.resident),
            );
            add(
                "streeling_worker_start_time_seconds",
                "When the process in a worker slot was started, in seconds since 1970.",
                self.start,
            );
        }
    }
}
