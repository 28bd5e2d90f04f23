//! The metric source of a pool.

use std::borrow::Cow;
use std::collections::BTreeMap;

use streeling_core::Sample;

use crate::pool::Pool;

impl Pool {
    /// Adds the samples of this pool, under this name.
    pub fn collect_samples(&self, name: &'static str, out: &mut Vec<Sample>) {
        let mut samples = Samples { pool: name, out };
        let load = self.shared.registry.load();
        samples.add(
            "streeling_queue_length",
            "Requests that wait for a worker.",
            load.queued,
        );
        samples.add(
            "streeling_queue_limit",
            "Requests that may wait for a worker.",
            self.shared.config.max_queue,
        );
        samples.add(
            "streeling_worker_requests",
            "Requests that are in flight on workers.",
            load.in_flight,
        );
        samples.add(
            "streeling_threads",
            "Threads of the workers that are given requests.",
            load.threads.all,
        );
        samples.add(
            "streeling_threads_busy",
            "Threads of the workers with a request in flight.",
            load.threads.busy,
        );
        samples.add(
            "streeling_workers",
            "Workers that are given requests.",
            self.shared.registry.live(),
        );
        samples.add(
            "streeling_workers_wanted",
            "Desired number of workers.",
            self.workers(),
        );
        self.collect_statistics(&mut samples);
    }

    fn collect_statistics(&self, samples: &mut Samples<'_>) {
        let statistics = &self.shared.statistics;
        samples.add(
            "streeling_worker_starts_total",
            "Workers that have loaded the component.",
            statistics.starts() as usize,
        );
        samples.add(
            "streeling_worker_start_failures_total",
            "Workers that could not be started or did not load the component.",
            statistics.start_failures() as usize,
        );
        samples.add(
            "streeling_worker_start_delays_total",
            "Starts put off, since descriptors, memory or processes were lacking.",
            statistics.start_delays() as usize,
        );
        let quarantine = &self.shared.quarantine;
        samples.add(
            "streeling_quarantined_requests",
            "Requests that are refused, since workers have died of them.",
            quarantine.len(),
        );
        samples.add(
            "streeling_quarantine_refusals_total",
            "How often a request was refused, since workers have died of it.",
            quarantine.refusals() as usize,
        );
        samples.add(
            "streeling_worker_memory_limit_bytes",
            "Bytes that a worker may have in memory; 0: no limit.",
            self.shared.config.worker_memory.unwrap_or_default() as usize,
        );
        for (reason, count) in statistics.losses() {
            samples.add_labelled(
                "streeling_worker_deaths_total",
                "Workers that were lost, by reason.",
                ("reason", reason.into()),
                count as f64,
            );
        }
        for (reason, count) in statistics.replacements() {
            samples.add_labelled(
                "streeling_worker_replacements_total",
                "Workers that were replaced, by reason.",
                ("reason", reason.into()),
                count as f64,
            );
        }
        for (slot, time) in statistics.load_times() {
            samples.add_labelled(
                "streeling_worker_load_seconds",
                "Time that the worker took to load the component.",
                ("worker_id", slot.to_string().into()),
                time.as_secs_f64(),
            );
        }
    }

    /// The process id of the worker in each slot: of two, where one still finishes, the newest.
    #[must_use]
    pub fn processes(&self) -> BTreeMap<usize, u32> {
        self.shared.registry.processes()
    }
}

/// Where samples are added, with a label for the pool.
struct Samples<'a> {
    pool: &'static str,
    out: &'a mut Vec<Sample>,
}

impl Samples<'_> {
    fn add(&mut self, name: &'static str, help: &'static str, value: usize) {
        self.out.push(Sample {
            name,
            help,
            labels: vec![("pool", self.pool.into())],
            value: value as f64,
        });
    }

    fn add_labelled(
        &mut self,
        name: &'static str,
        help: &'static str,
        label: (&'static str, Cow<'static, str>),
        value: f64,
    ) {
        self.out.push(Sample {
            name,
            help,
            labels: vec![("pool", self.pool.into()), label],
            value,
        });
    }
}
