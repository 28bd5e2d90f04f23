//! Metrics of requests: their number, time and size, and how their time divides.

mod summary;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use prometheus::local::LocalHistogram;
use streeling_core::{Outcome, RequestContext, Stage, Transport};

use crate::family::{Family, Kind, Series, Value};
use crate::histogram::Histogram;
use crate::text;
use crate::transports::Transports;

pub use summary::MethodSummary;

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

/// All metrics of requests.
#[derive(Default)]
pub(crate) struct Requests {
    rows: RwLock<Rows>,
    transports: Transports,
}

#[derive(Default)]
struct Rows {
    by_key: HashMap<Key, Arc<Row>, BuildHasherDefault<KeyHasher>>,
    /// By transport and method.
    operations: HashMap<(&'static str, &'static str), Arc<OperationRow>>,
}

/// Most combinations of transport, method and code that have series of their own. Usually there are
/// about thirty, but a component may choose any status; further ones have the code [`OTHER`].
const MAX_ROWS: usize = 256;

/// The code of requests beyond [`MAX_ROWS`].
const OTHER: &str = "other";

/// The labels of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    transport: &'static str,
    method: &'static str,
    code: u16,
}

/// The few keys that there are differ in these numbers nearly always, and every request is hashed.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let lengths = (self.transport.len() as u64) << 32 | (self.method.len() as u64) << 16;
        state.write_u64(lengths | u64::from(self.code));
    }
}

/// Mixes the one number of a key. The keys are ours, but for the code, and few: there is nothing to
/// be protected from clients who choose them.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        // Both ends of a hash count, and the middle of a product is its best part.
        self.0 = (product >> 32) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The series of requests with the same labels.
struct Row {
    /// Code, method and transport.
    labels: Arc<str>,
    /// Counts the requests, too.
    time: Histogram,
    /// Observations since the last scrape.
    recent: Mutex<Recent>,
}

/// What is observed of requests, for the histograms of a [`Row`] and of its [`OperationRow`]. One
/// lock for all that a request adds costs much less than the atomic operations of six histograms.
struct Recent {
    time: LocalHistogram,
    queue: LocalHistogram,
    component: LocalHistogram,
    server: LocalHistogram,
    received: LocalHistogram,
    sent: LocalHistogram,
}

/// The series of requests with the same method and transport.
struct OperationRow {
    labels: Arc<str>,
    queue: Histogram,
    component: Histogram,
    server: Histogram,
    received: Histogram,
    sent: Histogram,
}

impl Requests {
    pub(crate) fn started(&self, transport: &'static Transport) {
        self.transports.started(transport.name);
    }

    pub(crate) fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        let transport = request.transport.name;
        self.transports.finished(transport, request.limit());
        let key = Key {
            transport: request.transport.name,
            method: request.operation().label,
            code: outcome.code.number,
        };
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        match known.by_key.get(&key) {
            Some(row) => row.observe(request, outcome),
            None => {
                drop(known);
                self.new_row(key, outcome).observe(request, outcome);
            }
        }
    }

    /// All families, in the order of their names, with their series in that of their labels.
    pub(crate) fn collect(&self) -> Vec<Family> {
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<&Arc<Row>> = known.by_key.values().collect();
        rows.sort_unstable_by_key(|row| &row.labels);
        rows.iter().for_each(|row| row.recent().flush());
        let mut operations: Vec<&Arc<OperationRow>> = known.operations.values().collect();
        operations.sort_unstable_by_key(|operation| &operation.labels);
        let stage = |name: &str, help, of: fn(&OperationRow) -> &Histogram| {
            let series = operations.iter().map(|operation| {
                let value = Value::Histogram(of(operation).clone());
                (&operation.labels, value)
            });
            family(name, Kind::Histogram, help, series)
        };
        let times = rows.iter().map(|row| {
            let value = Value::Histogram(row.time.clone());
            (&row.labels, value)
        });
        let counts = rows.iter().map(|row| {
            let value = Value::Number(row.time.count() as f64);
            (&row.labels, value)
        });
        vec![
            stage(
                "streeling_component_seconds",
                "Time for which requests were inside the component.",
                |operation| &operation.component,
            ),
            self.transports.collect_refused(),
            stage(
                "streeling_queue_seconds",
                "Time for which requests waited for a worker.",
                |operation| &operation.queue,
            ),
            stage(
                "streeling_request_bytes",
                "Size of the bodies of requests.",
                |operation| &operation.received,
            ),
            family(
                "streeling_request_seconds",
                Kind::Histogram,
                "Time from a request's head to its response.",
                times,
            ),
            self.transports.collect_in_flight(),
            family(
                "streeling_requests_total",
                Kind::Counter,
                "Requests that got a response, or whose clients left.",
                counts,
            ),
            stage(
                "streeling_response_bytes",
                "Size of the bodies of responses.",
                |operation| &operation.sent,
            ),
            stage(
                "streeling_server_seconds",
                "Time for which requests were in the server, without queue and component.",
                |operation| &operation.server,
            ),
        ]
    }

    #[cold]
    fn new_row(&self, key: Key, outcome: &Outcome) -> Arc<Row> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let Rows { by_key, operations } = &mut *rows;
        let (key, code) = if by_key.len() < MAX_ROWS {
            (key, outcome.code.to_string())
        } else {
            let code = u16::MAX;
            (Key { code, ..key }, OTHER.to_owned())
        };
        let row = || {
            let operation = operations.entry((key.transport, key.method));
            let operation = operation.or_insert_with(|| Arc::new(OperationRow::new(key)));
            let labels = [
                ("code", code.as_str()),
                ("method", key.method),
                ("transport", key.transport),
            ];
            let time = Histogram::new(&SECONDS).with_exemplars();
            Arc::new(Row {
                labels: text::labels(labels),
                recent: Mutex::new(Recent::new(&time, operation)),
                time,
            })
        };
        Arc::clone(by_key.entry(key).or_insert_with(row))
    }
}

impl Row {
    fn observe(&self, request: &RequestContext, outcome: &Outcome) {
        let seconds = request.started.elapsed().as_secs_f64();
        let stage_seconds = |stage| request.stage(stage).map(|(_, took)| took.as_secs_f64());
        let (queue, component) = (stage_seconds(Stage::Queue), stage_seconds(Stage::Component));
        let outside_server = queue.unwrap_or(0.0) + component.unwrap_or(0.0);
        let recent = self.recent();
        recent.time.observe(seconds);
        if let Some(queue) = queue {
            recent.queue.observe(queue);
        }
        if let Some(component) = component {
            recent.component.observe(component);
        }
        recent.server.observe((seconds - outside_server).max(0.0));
        recent.received.observe(request.received() as f64);
        recent.sent.observe(outcome.bytes as f64);
        drop(recent);
        if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
            self.time.keep_exemplar(seconds, trace.trace_id);
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // A panic can leave behind no more than one observation too few.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn new(time: &Histogram, operation: &OperationRow) -> Self {
        Self {
            time: time.local(),
            queue: operation.queue.local(),
            component: operation.component.local(),
            server: operation.server.local(),
            received: operation.received.local(),
            sent: operation.sent.local(),
        }
    }

    /// Adds all of it to the histograms.
    fn flush(&self) {
        let Self {
            time,
            queue,
            component,
            server,
            received,
            sent,
        } = self;
        for local in [time, queue, component, server, received, sent] {
            local.flush();
        }
    }
}

impl OperationRow {
    fn new(key: Key) -> Self {
        Self {
            labels: text::labels([("method", key.method), ("transport", key.transport)]),
            queue: Histogram::new(&SECONDS),
            component: Histogram::new(&SECONDS),
            server: Histogram::new(&SECONDS),
            received: Histogram::new(&BYTES),
            sent: Histogram::new(&BYTES),
        }
    }
}

fn family<'a>(
    name: &str,
    kind: Kind,
    help: &'static str,
    series: impl Iterator<Item = (&'a Arc<str>, Value)>,
) -> Family {
    let series = series.map(|(labels, value)| Series {
        labels: Arc::clone(labels),
        value,
    });
    Family {
        name: name.into(),
        kind,
        help,
        series: series.collect(),
    }
}
