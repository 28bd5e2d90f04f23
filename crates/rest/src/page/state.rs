//! What the page shows of the server, and its JSON.

use std::time::Instant;

use serde_json::{Value, json};

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The version of the server.
    pub version: &'static str,
    /// The component, as the settings name it.
    pub interface: String,
    /// What protocols with names in their paths know it by.
    pub model: String,
    /// What kind of component it is: `MODEL`, `ROUTER`, …
    pub service_type: &'static str,
    /// When the server started.
    pub started: Instant,
}

/// How the server is at one moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Why it takes no requests; `None`: it does.
    pub unready: Option<&'static str>,
    /// The methods that the component defines; `None` where that is not known.
    pub methods: Option<Vec<String>>,
    /// What the component runs on; `None` where it is in this process, or not yet loaded.
    pub runtime: Option<String>,
    /// Its workers, by pools; none where it is in this process.
    pub workers: Vec<Workers>,
    /// Requests in the server, on all transports, whatever they are for.
    pub in_flight: usize,
    /// Upper bounds of [`Calls::buckets`], in seconds, without the infinite one.
    pub bounds: &'static [f64],
    /// What has been counted of calls of the component; `None` where nothing counts them.
    pub calls: Option<Vec<Calls>>,
}

/// The workers of a pool.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// The pool, by its name in metrics.
    pub pool: &'static str,
    /// Workers that serve.
    pub ready: usize,
    /// Workers that there are to be.
    pub desired: usize,
    /// Requests that wait for a worker.
    pub queued: usize,
    /// Requests that workers have.
    pub in_flight: usize,
}

/// Calls of one method over one transport, since the start.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// The transport, by its name in metrics.
    pub transport: &'static str,
    /// The method, by its label in metrics.
    pub method: &'static str,
    /// How many there were.
    pub count: u64,
    /// How many of these had an error, or lost their clients.
    pub errors: u64,
    /// What all of them took together, in seconds.
    pub seconds: f64,
    /// For each of [`State::bounds`], how many took at most so long.
    pub buckets: Vec<u64>,
}

impl State {
    pub(super) fn json(&self, about: &About, protocols: &[&str]) -> String {
        let workers: Vec<Value> = self.workers.iter().map(Workers::json).collect();
        let calls = self.calls.as_ref();
        let calls: Option<Vec<Value>> = calls.map(|all| all.iter().map(Calls::json).collect());
        json!({
            "version": about.version,
            "uptime_seconds": about.started.elapsed().as_secs_f64(),
            "interface": about.interface,
            "model": about.model,
            "service_type": about.service_type,
            "methods": self.methods,
            "runtime": self.runtime,
            "protocols": protocols,
            "ready": self.unready.is_none(),
            "unready": self.unready,
            "workers": workers,
            // The request that looks is in the server, too.
            "in_flight": self.in_flight.saturating_sub(1),
            "bounds": self.bounds,
            "calls": calls,
        })
        .to_string()
    }
}

impl Workers {
    fn json(&self) -> Value {
        json!({
            "pool": self.pool,
            "ready": self.ready,
            "desired": self.desired,
            "queued": self.queued,
            "in_flight": self.in_flight,
        })
    }
}

impl Calls {
    fn json(&self) -> Value {
        json!({
            "transport": self.transport,
            "method": self.method,
            "count": self.count,
            "errors": self.errors,
            "seconds": self.seconds,
            "buckets": self.buckets,
        })
    }
}
