//! What the page at `/` shows: put together when somebody looks, from what the parts know anyway.

use std::sync::Arc;
use std::time::Instant;

use streeling_config::Settings;
use streeling_core::Models;
use streeling_rest::Protocol;
use streeling_rest::page::{About, Page, State};
#[cfg(feature = "python")]
use {
    crate::pools::Pools,
    streeling_python::{About as Loaded, Pool},
    streeling_rest::page::Workers,
};
#[cfg(feature = "metrics")]
use {
    streeling_core::Method,
    streeling_metrics::{MethodSummary, Registry},
    streeling_rest::page::Calls,
};

use crate::inside::Inspector;

/// Where the page's state comes from.
#[derive(Clone)]
pub(crate) struct PageSource {
    pub(crate) inspector: Inspector,
    #[cfg(feature = "metrics")]
    pub(crate) registry: Arc<Registry>,
    pub(crate) started: Instant,
}

impl PageSource {
    /// The page, on a port that speaks these protocols.
    pub(crate) fn page(
        self,
        settings: &Settings,
        models: &Models,
        protocols: &[Arc<dyn Protocol>],
    ) -> Page {
        let interface = settings.component.interface.to_string();
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            // Only a name that no model has is an error.
            model: models
                .get(None)
                .map_or_else(|_| interface.clone(), |model| model.name.clone()),
            interface,
            service_type: settings.component.service_type.as_str(),
            started: self.started,
        };
        Page::new(about, Arc::new(move || self.state()), protocols)
    }

    fn state(&self) -> State {
        let Inspector {
            observers, health, ..
        } = &self.inspector;
        let (_, in_flight) = observers.open_requests().oldest(0);
        let state = State {
            unready: health.readiness().err(),
            in_flight,
            ..State::default()
        };
        #[cfg(feature = "metrics")]
        let state = State {
            bounds: MethodSummary::BOUNDS,
            calls: Some(calls(&self.registry)),
            ..state
        };
        #[cfg(feature = "python")]
        let state = match &self.inspector.pools {
            Some(pools) => with_pools(state, pools),
            None => state,
        };
        state
    }
}

/// Calls of the component alone: neither probes and pages nor what was refused without a route.
#[cfg(feature = "metrics")]
fn calls(registry: &Registry) -> Vec<Calls> {
    let is_call = |summary: &MethodSummary| {
        Method::ALL.iter().any(|method| {
            !matches!(method, Method::HealthStatus | Method::Metadata)
                && method.label() == summary.method
        })
    };
    let all = registry.requests_by_method().into_iter().filter(is_call);
    let calls = all.map(|summary| Calls {
        transport: summary.transport,
        method: summary.method,
        count: summary.count,
        errors: summary.errors,
        seconds: summary.seconds,
        buckets: summary.buckets,
    });
    calls.collect()
}

#[cfg(feature = "python")]
fn with_pools(state: State, pools: &Pools) -> State {
    let loaded: Option<Loaded> = pools.all().find_map(Pool::about);
    let workers = pools.named().map(|(name, pool)| {
        let snapshot = pool.snapshot(0);
        Workers {
            pool: name,
            ready: *pool.live().borrow(),
            desired: pool.workers(),
            queued: snapshot.queued,
            in_flight: snapshot.workers.iter().map(|one| one.in_flight).sum(),
        }
    });
    State {
        runtime: loaded.as_ref().map(Loaded::interpreter),
        methods: loaded.map(|loaded| loaded.methods),
        workers: workers.collect(),
        ..state
    }
}
