//! What is counted of all requests of a transport together.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use streeling_core::Limit;

use crate::family::{Family, Kind, Series, Value};
use crate::text;

/// Transports that are counted apart; a server has three.
const MOST: usize = 8;

/// The counts by transport. Which transports there are is known with their first requests, and then
/// it is read without a lock.
#[derive(Default)]
pub(crate) struct Transports([OnceLock<Counts>; MOST]);

struct Counts {
    name: &'static str,
    /// Requests without a response.
    in_flight: AtomicI64,
    /// Those that exceeded a limit, by its number.
    refused: [AtomicU64; Limit::ALL.len()],
}

impl Transports {
    pub(crate) fn started(&self, transport: &'static str) {
        if let Some(counts) = self.of(transport) {
            counts.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request has ended, which has exceeded this limit.
    pub(crate) fn finished(&self, transport: &'static str, limit: Option<Limit>) {
        if let Some(counts) = self.of(transport) {
            counts.in_flight.fetch_sub(1, Ordering::Relaxed);
            if let Some(limit) = limit {
                counts.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn collect_in_flight(&self) -> Family {
        let number = |counts: &Counts| {
            let value = Value::Number(counts.in_flight.load(Ordering::Relaxed) as f64);
            let labels = text::labels([("transport", counts.name)]);
            vec![Series { labels, value }]
        };
        self.family(
            "streeling_requests_in_flight",
            Kind::Gauge,
            "Requests that have no response yet.",
            number,
        )
    }

    pub(crate) fn collect_refused(&self) -> Family {
        let numbers = |counts: &Counts| {
            let number = |limit: Limit| {
                let value = counts.refused[limit as usize].load(Ordering::Relaxed);
                let labels = [("limit", limit.name()), ("transport", counts.name)];
                Series {
                    labels: text::labels(labels),
                    value: Value::Number(value as f64),
                }
            };
            Limit::ALL.into_iter().map(number).collect()
        };
        self.family(
            "streeling_limit_refusals_total",
            Kind::Counter,
            "Requests refused since they, or their responses, exceeded a limit.",
            numbers,
        )
    }

    fn of(&self, name: &'static str) -> Option<&Counts> {
        let counts = || Counts {
            name,
            in_flight: AtomicI64::new(0),
            refused: Default::default(),
        };
        let mut all = self.0.iter().map(|slot| slot.get_or_init(counts));
        all.find(|counts| counts.name == name)
    }

    fn family(
        &self,
        name: &str,
        kind: Kind,
        help: &'static str,
        series: impl Fn(&Counts) -> Vec<Series>,
    ) -> Family {
        let known = self.0.iter().filter_map(OnceLock::get);
        let mut series: Vec<_> = known.flat_map(series).collect();
        series.sort_unstable_by(|one, other| Arc::cmp(&one.labels, &other.labels));
        Family {
            name: name.into(),
            kind,
            help,
            series,
        }
    }
}
