//! What a pool knows of itself, for whoever watches it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use streeling_core::Figure;

use crate::pool::{Pool, Shared, lock};

/// Why a worker took another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It had been given as many requests as it was to have.
    MaxRequests,
    /// Some of its threads did not come back.
    Stuck,
    /// It was lost.
    Lost,
    /// The component was to be loaded anew.
    Reload,
}

impl Replaced {
    const ALL: [(Self, &'static str); 4] = [
        (Self::MaxRequests, "max_requests"),
        (Self::Stuck, "stuck"),
        (Self::Lost, "lost"),
        (Self::Reload, "reload"),
    ];
}

/// How a worker died: before it was told to end, or otherwise than it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Died {
    /// It exited.
    Exited,
    /// A signal ended it.
    Signal,
    /// It was killed: no call came back, or it broke the protocol.
    Fault,
}

impl Died {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Exited, "exited"),
        (Self::Signal, "signal"),
        (Self::Fault, "fault"),
    ];
}

/// What has happened to a pool's workers so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    started: AtomicU64,
    failed: AtomicU64,
    /// By [`Replaced`].
    replaced: [AtomicU64; Replaced::ALL.len()],
    /// By [`Died`].
    died: [AtomicU64; Died::ALL.len()],
    /// Of the worker in each place, how long its load took.
    loads: Mutex<BTreeMap<usize, Duration>>,
}

impl Counts {
    /// A worker has loaded the component, and takes a place.
    pub(crate) fn started(&self, slot: usize, load_seconds: f64) {
        self.started.fetch_add(1, Ordering::Relaxed);
        let load = Duration::try_from_secs_f64(load_seconds).unwrap_or_default();
        lock(&self.loads).insert(slot, load);
    }

    /// A worker did not come to serve.
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker took another's place.
    pub(crate) fn replaced(&self, why: Replaced) {
        self.replaced[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A worker was lost.
    pub(crate) fn died(&self, how: Died) {
        self.died[how as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A place was closed.
    pub(crate) fn closed(&self, slot: usize) {
        lock(&self.loads).remove(&slot);
    }
}

impl Pool {
    /// Adds what the pool knows of itself under this name.
    pub fn figures(&self, name: &'static str, out: &mut Vec<Figure>) {
        self.shared.figures(name, out);
    }

    /// The process id of the worker in each place: of two, where one still finishes, the one that came last.
    #[must_use]
    pub fn processes(&self) -> BTreeMap<usize, u32> {
        let state = lock(&self.shared.state);
        let seats = state.seats.iter();
        seats.map(|seat| (seat.slot, seat.pid)).collect()
    }
}

impl Shared {
    fn figures(&self, pool: &'static str, out: &mut Vec<Figure>) {
        let mut add = |name, help, more: Option<(&'static str, &'static str)>, value: f64| {
            let mut labels = vec![("pool", pool.into())];
            labels.extend(more.map(|(label, value)| (label, value.into())));
            out.push(Figure {
                name,
                help,
                labels,
                value,
            });
        };
        let (queued, under_way, load) = {
            let state = lock(&self.state);
            let dispatcher = &state.dispatcher;
            (
                dispatcher.queued(),
                dispatcher.in_flight(),
                dispatcher.threads(),
            )
        };
        add(
            "streeling_queue_length",
            "Requests that wait for a worker.",
            None,
            queued as f64,
        );
        add(
            "streeling_queue_limit",
            "Requests that may wait for a worker.",
            None,
            self.config.max_queue as f64,
        );
        add(
            "streeling_worker_requests",
            "Requests that lie on workers.",
            None,
            under_way as f64,
        );
        add(
            "streeling_threads",
            "Threads of the workers that are given requests.",
            None,
            load.all as f64,
        );
        add(
            "streeling_threads_busy",
            "Threads of the workers that have something to do.",
            None,
            load.busy as f64,
        );
        add(
            "streeling_workers",
            "Workers that are given requests.",
            None,
            *self.live.borrow() as f64,
        );
        add(
            "streeling_workers_wanted",
            "Workers that there are to be.",
            None,
            self.wanted() as f64,
        );
        let counts = &self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        add(
            "streeling_worker_starts_total",
            "Workers that have loaded the component.",
            None,
            read(&counts.started),
        );
        add(
            "streeling_worker_start_failures_total",
            "Workers that did not come to serve.",
            None,
            read(&counts.failed),
        );
        for (how, label) in Died::ALL {
            add(
                "streeling_worker_deaths_total",
                "Workers that were lost, by how.",
                Some(("reason", label)),
                read(&counts.died[how as usize]),
            );
        }
        for (why, label) in Replaced::ALL {
            add(
                "streeling_worker_replacements_total",
                "Workers that took another's place, by why.",
                Some(("reason", label)),
                read(&counts.replaced[why as usize]),
            );
        }
        for (slot, load) in &*lock(&counts.loads) {
            out.push(Figure {
                name: "streeling_worker_load_seconds",
                help: "Time that the worker in a place took to load the component.",
                labels: vec![
                    ("pool", pool.into()),
                    ("worker_id", slot.to_string().into()),
                ],
                value: load.as_secs_f64(),
            });
        }
    }
}
