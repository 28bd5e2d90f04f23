//! How many connections a port may have, and which are closed to make room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::activity::Activity;
use crate::counts::{Counted, Counts};
use crate::seldom::Seldom;

/// Of so many connections one is closed at a time to make room, so that not every new one has to
/// look at all the others.
const BATCH: usize = 32;

/// How soon a connection that waits for room looks again, where nothing says when there will be
/// some.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The shortest time between two looks at all connections.
const LOOK_AT_MOST: Duration = Duration::from_millis(10);

/// How many connections a port may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Connections at most.
    pub most: usize,
    /// Only those that have been idle for so long make room for others.
    pub idle: Duration,
    /// What a person may change it with, for the log; empty where there is nothing.
    pub setting: &'static str,
}

impl Default for ConnectionLimit {
    /// As many as come.
    fn default() -> Self {
        Self {
            most: usize::MAX,
            idle: Duration::from_secs(2),
            setting: "",
        }
    }
}

/// How many connections several ports may have together. Clones share it.
#[derive(Clone, Debug)]
pub struct Together(Arc<Sum>);

#[derive(Debug)]
struct Sum {
    most: usize,
    open: AtomicUsize,
    freed: Notify,
}

impl Together {
    /// So many at most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Sum {
            most,
            open: AtomicUsize::new(0),
            freed: Notify::new(),
        }))
    }
}

impl Default for Together {
    /// As many as come.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

/// The connections of a port, within a limit. Clones share them.
///
/// At the limit, a new connection waits until another has ended. Those that have been idle longest
/// are closed for it; where all are busy it waits, as those behind it do in the kernel's queue.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: &'static str,
    limit: ConnectionLimit,
    together: Together,
    open: Mutex<Open>,
    counts: Arc<Counts>,
    full: Seldom,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    activities: HashMap<u64, Activity>,
}

impl Connections {
    /// Those of the port that the log calls `name`.
    #[must_use]
    pub fn new(name: &'static str, limit: ConnectionLimit, together: Together) -> Self {
        Self(Arc::new(Shared {
            name,
            limit,
            together,
            open: Mutex::default(),
            counts: Arc::default(),
            full: Seldom::default(),
        }))
    }

    /// What happened to them.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let open = self.open().activities.len();
        self.0.counts.read(open, self.0.limit.most)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// A connection has been accepted, and is there until the guard is dropped.
    pub(crate) fn register(&self) -> (Activity, Registered) {
        let activity = Activity::new(Arc::clone(&self.0.counts));
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.activities.insert(number, activity.clone());
        drop(open);
        self.0.together.0.open.fetch_add(1, Ordering::Relaxed);
        let registered = Registered {
            connections: self.clone(),
            number,
        };
        (activity, registered)
    }

    /// Returns when there is room for one more.
    pub(crate) async fn room(&self) {
        let Shared {
            limit,
            together,
            full,
            ..
        } = &*self.0;
        if self.has_room() {
            return;
        }
        self.0.counts.waited();
        if let Some(more) = full.now() {
            tracing::warn!(
                more,
                setting = limit.setting,
                "the {} port has all the {} connections that it may have: those that were idle for \
                 {:?} are closed, others wait",
                self.0.name,
                self.open().activities.len(),
                limit.idle
            );
        }
        loop {
            let freed = together.0.freed.notified();
            if self.has_room() {
                return;
            }
            let pause = self.shed();
            tokio::select! {
                () = freed => {}
                () = sleep(pause) => {}
            }
        }
    }

    fn has_room(&self) -> bool {
        let Sum { most, open, .. } = &*self.0.together.0;
        open.load(Ordering::Relaxed) < *most && self.open().activities.len() < self.0.limit.most
    }

    /// Closes some of those that have been idle longest; returns how soon there may be others.
    pub(crate) fn shed(&self) -> Duration {
        let open = self.open();
        let idle = open.activities.values();
        let mut idle: Vec<_> = idle
            .filter_map(|activity| Some((activity.idle()?, activity)))
            .collect();
        let least = self.0.limit.idle;
        // Longest first.
        let wanted = (open.activities.len() / BATCH).max(1).min(idle.len());
        if let Some(last) = wanted.checked_sub(1) {
            idle.select_nth_unstable_by_key(last, |(time, _)| std::cmp::Reverse(*time));
        }
        let mut pause = LOOK_AGAIN;
        for (time, activity) in &idle[..wanted] {
            match least.checked_sub(*time) {
                Some(missing) if !missing.is_zero() => pause = pause.min(missing),
                _ => activity.shed(),
            }
        }
        pause.max(LOOK_AT_MOST)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // A panic leaves behind no more than one connection too many or too few.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Connections {
    /// As many as come.
    fn default() -> Self {
        Self::new("", ConnectionLimit::default(), Together::default())
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Registered {
    connections: Connections,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let shared = &self.connections.0;
        self.connections.open().activities.remove(&self.number);
        let Sum { open, freed, .. } = &*shared.together.0;
        open.fetch_sub(1, Ordering::Relaxed);
        freed.notify_waiters();
    }
}
