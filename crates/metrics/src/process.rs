//! What processes take of the machine, as the system tells it. Where it is not Linux, nothing is told.

use streeling_core::Figure;

/// A worker's place, and the process that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerProcess {
    /// The worker's place.
    pub worker: usize,
    /// Its process id.
    pub pid: u32,
}

/// Names of this process's own figures, which Prometheus' clients have in common.
pub(crate) const OWN: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

/// Adds the figures of this process, and of the workers'. A process that ends meanwhile has none.
#[cfg(target_os = "linux")]
pub(crate) fn figures(workers: &[WorkerProcess], out: &mut Vec<Figure>) {
    if let Some(own) = linux::Usage::of(std::process::id()) {
        own.front(out);
    }
    for worker in workers {
        if let Some(usage) = linux::Usage::of(worker.pid) {
            usage.worker(worker.worker, out);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn figures(_workers: &[WorkerProcess], _out: &mut Vec<Figure>) {}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{LimitValue, Process};
    use streeling_core::Figure;

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
                // Another user's descriptors are not for us to see.
                open_fds: process.fd_count().ok().map(|count| count as f64),
                max_fds: limits.and_then(|limits| match limits.max_open_files.soft_limit {
                    LimitValue::Value(most) => Some(most as f64),
                    LimitValue::Unlimited => None,
                }),
            })
        }

        pub(super) fn front(&self, out: &mut Vec<Figure>) {
            let mut add = |name, help, value: Option<f64>| {
                out.extend(value.map(|value| Figure {
                    name,
                    help,
                    labels: Vec::new(),
                    value,
                }));
            };
            add(
                "process_cpu_seconds_total",
                "CPU time of the front, without the workers.",
                Some(self.cpu_seconds),
            );
            add(
                "process_max_fds",
                "File descriptors that the front may have open.",
                self.max_fds,
            );
            add(
                "process_open_fds",
                "File descriptors that the front has open.",
                self.open_fds,
            );
            add(
                "process_resident_memory_bytes",
                "Memory of the front, without the workers.",
                Some(self.resident),
            );
            add(
                "process_start_time_seconds",
                "When the front was started, since 1970.",
                self.start,
            );
            add(
                "process_threads",
                "Threads of the front.",
                Some(self.threads),
            );
            add(
                "process_virtual_memory_bytes",
                "Address space of the front.",
                Some(self.virtual_memory),
            );
        }

        pub(super) fn worker(&self, worker: usize, out: &mut Vec<Figure>) {
            let mut add = |name, help, value: Option<f64>| {
                out.extend(value.map(|value| Figure {
                    name,
                    help,
                    labels: vec![("worker_id", worker.to_string().into())],
                    value,
                }));
            };
            add(
                "streeling_worker_cpu_seconds_total",
                "CPU time of the process in a worker's place, from its start.",
                Some(self.cpu_seconds),
            );
            add(
                "streeling_worker_open_fds",
                "File descriptors that the process in a worker's place has open.",
                self.open_fds,
            );
            add(
                "streeling_worker_resident_memory_bytes",
                "Memory of the process in a worker's place.",
                Some(self.resident),
            );
            add(
                "streeling_worker_start_time_seconds",
                "When the process in a worker's place was started, since 1970.",
                self.start,
            );
        }
    }
}
