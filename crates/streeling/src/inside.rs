//! What is inside the server now: `GET /debug/requests`, and what SIGUSR1 logs. It is put together
//! when somebody looks, from what the parts know anyway, and never on a thread that moves bytes.

mod log;
#[cfg(feature = "metrics")]
mod page;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{Observers, Phase, RequestContext};
use tokio::sync::{oneshot, watch};
#[cfg(feature = "python")]
use {
    crate::pools::Pools,
    std::collections::HashMap,
    streeling_python::{PoolSnapshot, RequestSnapshot, WorkerSnapshot},
};

use crate::health::Health;

/// Requests that the page shows one by one.
#[cfg(feature = "metrics")]
const MOST: usize = 1000;

/// And those that the log does.
const MOST_LOGGED: usize = 100;

/// Looks at what is inside. Clones look at the same server.
#[derive(Clone)]
pub(crate) struct Inspector {
    /// They follow the requests of the transports.
    pub(crate) observers: Observers,
    pub(crate) health: Health,
    #[cfg(feature = "python")]
    pub(crate) pools: Option<Pools>,
}

/// What was inside at one moment.
pub(crate) struct Snapshot {
    /// `ready`, or why not.
    state: &'static str,
    /// The oldest first.
    requests: Vec<Request>,
    /// Requests in all, also those that are not shown.
    all: usize,
    /// Those of them that wait for a worker.
    queued: usize,
    #[cfg(feature = "python")]
    workers: Vec<Worker>,
}

struct Request {
    /// `None` where it is no request of a transport's.
    id: Option<String>,
    transport: Option<&'static str>,
    method: &'static str,
    /// `None` before it is known.
    shape: Option<String>,
    bytes: u64,
    age: Duration,
    stage: &'static str,
    pool: Option<&'static str>,
    /// The numbers of the worker and of its thread.
    thread: Option<(usize, usize)>,
    is_abandoned: bool,
}

#[cfg(feature = "python")]
struct Worker {
    snapshot: WorkerSnapshot,
    pool: &'static str,
    resident: Option<u64>,
    /// Of the requests that it runs, those that have one.
    running: Vec<String>,
}

impl Inspector {
    fn look(&self, most: usize) -> Snapshot {
        #[cfg(feature = "python")]
        let pools: Vec<_> = {
            let pools = self.pools.iter().flat_map(Pools::named);
            pools
                .map(|(name, pool)| (name, pool.snapshot(most)))
                .collect()
        };
        // After the pools: a request that ends meanwhile is in none of both.
        let (open, all) = self.observers.open_requests().oldest(most);
        let now = Instant::now();
        let requests = open.iter().map(|request| self.in_transport(request, now));
        #[cfg(feature = "python")]
        let (requests, all) = {
            let known = open.iter().map(Arc::as_ptr).zip(requests).collect();
            with_pools(known, all, &pools, now)
        };
        let mut requests: Vec<_> = requests.collect();
        requests.sort_by_key(|one| Reverse(one.age));
        requests.truncate(most);
        Snapshot {
            state: self.health.readiness().err().unwrap_or("ready"),
            requests,
            all,
            #[cfg(feature = "python")]
            queued: pools.iter().map(|(_, pool)| pool.queued).sum(),
            #[cfg(not(feature = "python"))]
            queued: 0,
            #[cfg(feature = "python")]
            workers: pools.into_iter().flat_map(workers).collect(),
        }
    }

    /// A request that no worker has, as far as is known.
    fn in_transport(&self, request: &Arc<RequestContext>, now: Instant) -> Request {
        Request {
            id: Some(request.id.to_string()),
            transport: Some(request.transport.name),
            method: request.operation().label,
            shape: None,
            bytes: request.received(),
            age: now.saturating_duration_since(request.started),
            stage: match request.phase() {
                Phase::Receive => "receive",
                Phase::Decode => "decode",
                Phase::Call if self.has_workers() => "queue",
                Phase::Call => "component",
                Phase::Encode => "encode",
            },
            pool: None,
            thread: None,
            is_abandoned: false,
        }
    }

    #[cfg(feature = "python")]
    fn has_workers(&self) -> bool {
        self.pools.is_some()
    }

    #[cfg(not(feature = "python"))]
    fn has_workers(&self) -> bool {
        false
    }

    /// As a JSON object.
    #[cfg(feature = "metrics")]
    pub(crate) fn json(&self) -> String {
        self.look(MOST).json()
    }

    /// Logs it whenever `requested` changes, with the stacks of the workers that are busy.
    pub(crate) async fn log_on(self, mut requested: watch::Receiver<u64>) {
        while requested.changed().await.is_ok() {
            let inspector = self.clone();
            let (logged, snapshot) = oneshot::channel();
            let thread = std::thread::Builder::new().name("snapshot".to_owned());
            let thread = thread.spawn(move || {
                let snapshot = inspector.look(MOST_LOGGED);
                snapshot.log();
                // There is no receiver where the server ends meanwhile.
                let _ = logged.send(snapshot);
            });
            if let Err(error) = thread {
                tracing::warn!("SIGUSR1: cannot start a thread that looks: {error}");
                continue;
            }
            // It is gone only if the thread has panicked, which has been logged.
            if let Ok(snapshot) = snapshot.await {
                snapshot.log_stacks().await;
            }
        }
    }
}

#[cfg(feature = "python")]
impl Request {
    fn in_pool(pool: &'static str, one: &RequestSnapshot, now: Instant) -> Self {
        let request = one.request.as_ref();
        let since = request.map_or(one.since, |request| request.started);
        Self {
            id: request.map(|request| request.id.to_string()),
            transport: request.map(|request| request.transport.name),
            method: one.method(),
            shape: Some(one.shape()),
            bytes: one.bytes() as u64,
            age: now.saturating_duration_since(since),
            stage: if one.is_running { "component" } else { "queue" },
            pool: Some(pool),
            thread: one.thread,
            is_abandoned: one.is_abandoned,
        }
    }
}

/// The oldest requests of the transports, of `all`, each as the pools have it where they do; and
/// what the pools have beside these.
#[cfg(feature = "python")]
fn with_pools(
    mut known: HashMap<*const RequestContext, Request>,
    mut all: usize,
    pools: &[(&'static str, PoolSnapshot)],
    now: Instant,
) -> (impl Iterator<Item = Request>, usize) {
    let has_all = known.len() == all;
    let mut others = Vec::new();
    for (name, pool) in pools {
        for one in &pool.requests {
            let shown = Request::in_pool(name, one, now);
            let request = one.request.as_ref().map(Arc::as_ptr);
            match request.and_then(|request| known.get_mut(&request)) {
                Some(known) => *known = shown,
                None if one.is_abandoned || request.is_none() => {
                    all += 1;
                    others.push(shown);
                }
                // Younger than those that are known.
                None if !has_all => others.push(shown),
                // It has its response.
                None => {}
            }
        }
    }
    (known.into_values().chain(others), all)
}

#[cfg(feature = "python")]
fn workers((pool, snapshot): (&'static str, PoolSnapshot)) -> impl Iterator<Item = Worker> {
    let PoolSnapshot {
        workers, requests, ..
    } = snapshot;
    workers.into_iter().map(move |snapshot| {
        let slot = snapshot.slot;
        let runs = |one: &&RequestSnapshot| {
            one.is_running && one.thread.is_some_and(|(worker, _)| worker == slot)
        };
        let running = requests.iter().filter(runs);
        let running = running.filter_map(|one| Some(one.request.as_ref()?.id.to_string()));
        Worker {
            running: running.collect(),
            resident: snapshot.resident(),
            pool,
            snapshot,
        }
    })
}

/// In seconds, to the millisecond.
fn seconds(age: Duration) -> f64 {
    age.as_millis() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use streeling_core::{
        Annotate, Code, Context, Input, Layer as _, Method, Response, Result, Service, Transport,
    };

    use super::*;

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &["id"],
    };

    struct Endless;

    #[async_trait]
    impl Service for Endless {
        async fn call(&self, _: &Context, _: streeling_core::Request) -> Result<Response> {
            std::future::pending().await
        }
    }

    /// Without workers the call itself says where the request is.
    #[tokio::test]
    async fn a_call_of_a_component_in_this_process_is_there_until_it_is_given_up() {
        let (_loaded, loaded) = watch::channel(true);
        let observers = Observers::default();
        let inspector = Inspector {
            observers: observers.clone(),
            health: Health::new(loaded, Vec::new()),
            #[cfg(feature = "python")]
            pools: None,
        };
        let id = |name: &str| (name == "id").then_some("one");
        let guard = observers.start(&TEST, &id, || unreachable!("no observer wants it"));
        let seen = || {
            let snapshot = inspector.look(9);
            assert_eq!((snapshot.state, snapshot.queued), ("ready", 0));
            let stages = snapshot.requests.iter();
            let stages: Vec<_> = stages.map(|one| (one.id.clone(), one.stage)).collect();
            assert_eq!(snapshot.all, stages.len());
            stages
        };
        let one = |stage| vec![(Some("one".to_owned()), stage)];
        assert_eq!(seen(), one("receive"));
        let context = Context {
            request: Some(Arc::clone(guard.request())),
            ..Context::default()
        };
        let service = Annotate::default().layer(Arc::new(Endless));
        let request = streeling_core::Request {
            method: Method::Predict,
            model: None,
            input: Input::None,
        };
        let call = service.call(&context, request);
        assert_eq!(seen(), one("component"));
        drop(call);
        assert_eq!(seen(), one("encode"));
        drop(guard);
        assert_eq!(seen(), []);
    }
}
