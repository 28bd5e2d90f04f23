//! Metrics of requests: their number, time and size, and how their time divides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use prometheus::{IntGaugeVec, Opts, Registry};
use streeling_core::{Outcome, RequestContext, Stage, Transport};

/// Upper bounds of times, in seconds: from the fastest models to requests that take minutes.
const SECONDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 120.0,
];

/// Upper bounds of sizes, in bytes: powers of four from 256 bytes to the default of the largest
/// body.
const BYTES: [f64; 11] = [
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
];

/// The histogram that has exemplars.
pub(crate) const REQUEST_SECONDS: &str = "streeling_request_seconds";

/// The trace of one request in a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: u128,
    pub(crate) value: f64,
    /// Seconds since 1970.
    pub(crate) at: f64,
}

/// Exemplars of one series of [`REQUEST_SECONDS`]: of each bucket the latest. The last is that of
/// `+Inf`.
type Exemplars = [Option<Exemplar>; SECONDS.len() + 1];

/// All metrics of requests.
pub(crate) struct Requests {
    registry: Registry,
    families: Families,
    rows: RwLock<HashMap<Key, Arc<Row>>>,
    in_flight: RwLock<Vec<(&'static str, IntGauge)>>,
}

/// Most combinations of transport, method and code that have series of their own. Usually there are
/// about thirty, but a component may choose any status; further ones have the code [`OTHER`].
const MAX_ROWS: usize = 256;

/// The code of requests beyond [`MAX_ROWS`].
const OTHER: &str = "other";

/// The labels of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    transport: &'static str,
    method: &'static str,
    code: u16,
}

struct Families {
    in_flight: IntGaugeVec,
    requests: IntCounterVec,
    request: HistogramVec,
    queue: HistogramVec,
    component: HistogramVec,
    server: HistogramVec,
    received: HistogramVec,
    sent: HistogramVec,
}

/// The series of requests with the same labels, looked up once.
struct Row {
    labels: [String; 3],
    requests: IntCounter,
    request: Histogram,
    queue: Histogram,
    component: Histogram,
    server: Histogram,
    received: Histogram,
    sent: Histogram,
    exemplars: Mutex<Exemplars>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let families = Families::new(&registry);
        Self {
            registry,
            families,
            rows: RwLock::default(),
            in_flight: RwLock::default(),
        }
    }

    pub(crate) fn started(&self, transport: &'static Transport) {
        self.in_flight(transport.name, IntGauge::inc);
    }

    pub(crate) fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        self.in_flight(request.transport.name, IntGauge::dec);
        let row = self.row(request, outcome);
        let seconds = request.started.elapsed().as_secs_f64();
        let stage_seconds = |stage| request.stage(stage).map(|(_, took)| took.as_secs_f64());
        let (queue, component) = (stage_seconds(Stage::Queue), stage_seconds(Stage::Component));
        row.requests.inc();
        row.request.observe(seconds);
        if let Some(queue) = queue {
            row.queue.observe(queue);
        }
        if let Some(component) = component {
            row.component.observe(component);
        }
        let outside_server = queue.unwrap_or(0.0) + component.unwrap_or(0.0);
        row.server.observe((seconds - outside_server).max(0.0));
        row.received.observe(request.received() as f64);
        row.sent.observe(outcome.bytes as f64);
        if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
            let at = SystemTime::now().duration_since(UNIX_EPOCH);
            let exemplar = Exemplar {
                trace_id: trace.trace_id,
                value: seconds,
                at: at.unwrap_or(Duration::ZERO).as_secs_f64(),
            };
            let bucket = SECONDS.partition_point(|bound| *bound < seconds);
            let mut exemplars = row.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
            exemplars[bucket] = Some(exemplar);
        }
    }

    /// All families with their current values.
    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// The exemplars of each series of [`REQUEST_SECONDS`], by the values of its labels code,
    /// method, transport.
    pub(crate) fn exemplars(&self) -> HashMap<[String; 3], Vec<Option<Exemplar>>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.values()
            .map(|row| {
                let exemplars = row.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
                (row.labels.clone(), exemplars.to_vec())
            })
            .collect()
    }

    fn row(&self, request: &RequestContext, outcome: &Outcome) -> Arc<Row> {
        let key = Key {
            transport: request.transport.name,
            method: request.operation().label,
            code: outcome.code.number,
        };
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = known.get(&key) {
            return Arc::clone(row);
        }
        drop(known);
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let (key, code) = if rows.len() < MAX_ROWS {
            (key, outcome.code.to_string())
        } else {
            (
                Key {
                    code: u16::MAX,
                    ..key
                },
                OTHER.to_owned(),
            )
        };
        let row = || Arc::new(self.families.row(key, code));
        Arc::clone(rows.entry(key).or_insert_with(row))
    }

    fn in_flight(&self, transport: &'static str, change: impl Fn(&IntGauge)) {
        let known = self
            .in_flight
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, gauge)) = known.iter().find(|(name, _)| *name == transport) {
            return change(gauge);
        }
        drop(known);
        // Two threads that come here at once get the same gauge.
        let gauge = self.families.in_flight.with_label_values(&[transport]);
        change(&gauge);
        let mut known = self
            .in_flight
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.push((transport, gauge));
    }
}

impl Families {
    fn new(registry: &Registry) -> Self {
        let labels = ["transport", "method"];
        let with_code = ["transport", "method", "code"];
        let seconds = |name: &str, help: &str, labels: &[&str]| {
            histogram(registry, name, help, &SECONDS, labels)
        };
        let bytes = |name: &str, help: &str| histogram(registry, name, help, &BYTES, &labels);
        let (in_flight, requests) = (
            IntGaugeVec::new(
                Opts::new(
                    "streeling_requests_in_flight",
                    "Requests that have no response yet.",
                ),
                &["transport"],
            ),
            IntCounterVec::new(
                Opts::new(
                    "streeling_requests_total",
                    "Requests that got a response, or whose clients left.",
                ),
                &with_code,
            ),
        );
        Self {
            in_flight: registered(registry, in_flight),
            requests: registered(registry, requests),
            request: seconds(
                REQUEST_SECONDS,
                "Time from a request's head to its response.",
                &with_code,
            ),
            queue: seconds(
                "streeling_queue_seconds",
                "Time for which requests waited for a worker.",
                &labels,
            ),
            component: seconds(
                "streeling_component_seconds",
                "Time for which requests were inside the component.",
                &labels,
            ),
            server: seconds(
                "streeling_server_seconds",
                "Time for which requests were in the server, without queue and component.",
                &labels,
            ),
            received: bytes("streeling_request_bytes", "Size of the bodies of requests."),
            sent: bytes(
                "streeling_response_bytes",
                "Size of the bodies of responses.",
            ),
        }
    }

    fn row(&self, key: Key, code: String) -> Row {
        let labels = [key.transport, key.method];
        let with_code = [key.transport, key.method, &code];
        Row {
            requests: self.requests.with_label_values(&with_code),
            request: self.request.with_label_values(&with_code),
            queue: self.queue.with_label_values(&labels),
            component: self.component.with_label_values(&labels),
            server: self.server.with_label_values(&labels),
            received: self.received.with_label_values(&labels),
            sent: self.sent.with_label_values(&labels),
            exemplars: Mutex::new([None; SECONDS.len() + 1]),
            labels: [code, key.method.to_owned(), key.transport.to_owned()],
        }
    }
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    bounds: &[f64],
    labels: &[&str],
) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    registered(registry, HistogramVec::new(options, labels))
}

/// Registers a family. Names, labels and bounds are constants, and a test creates all of them.
fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    family: prometheus::Result<C>,
) -> C {
    let family = family.expect("names and labels are well formed");
    registry
        .register(Box::new(family.clone()))
        .expect("no two families have the same name");
    family
}
