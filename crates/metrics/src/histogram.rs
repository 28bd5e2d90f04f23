//! The histogram: of the server's own metrics, and of components' timers.
//!
//! It is that of the crate prometheus: observing takes no lock, and what is read is consistent,
//! with buckets, count and sum of the same observations. The crate knows no exemplars; they are
//! kept beside it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::HistogramOpts;
use prometheus::core::Metric as _;
use prometheus::local::LocalHistogram;

/// Upper bounds of a timer in seconds, spread evenly in the logarithm from 1 ms to 30 s. They are
/// written out to the last digit because each is a label, and must be equal to those of every
/// server, also seldon-core's, whose histograms are added to these.
pub(crate) const TIMER_SECONDS: [f64; 50] = [
    0.001,
    0.0012341553253454693,
    0.0015231393670785815,
    0.001879790561123359,
    0.002319953531544542,
    0.0028631830055097247,
    0.0035336125536884733,
    0.004361026750842238,
    0.005382184388525997,
    0.006642451525090609,
    0.008197816923039709,
    0.010117379411776668,
    0.012486417679584787,
    0.015410178873747385,
    0.019018554321561593,
    0.02347185009632733,
    0.028967908792092947,
    0.03575089889988335,
    0.04412216226317853,
    0.05445360152285871,
    0.06720420230367624,
    0.0829404241586763,
    0.10236136616184238,
    0.12632982515827532,
    0.15591062646904755,
    0.19241792993472334,
    0.23747361292089023,
    0.29307932401534564,
    0.36170540848218913,
    0.44640065608455204,
    0.5509277469444613,
    0.6799304127720882,
    0.8391397397870158,
    1.035628778567157,
    1.2781267721496807,
    1.577406962315144,
    1.9467652027782552,
    2.4026106422060365,
    2.965194718810281,
    3.65951085290597,
    4.516404807273444,
    5.573945044312399,
    6.879113959621136,
    8.489895126924784,
    10.477849282518772,
    12.931293490187748,
    15.959224724520412,
    19.696162182151948,
    24.308123445970867,
    29.999999999999996,
];

/// The trace of one observation in a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: u128,
    pub(crate) value: f64,
    /// Seconds since 1970.
    pub(crate) at: f64,
}

/// Of each bucket the latest, that of `+Inf` last.
type Exemplars = Box<[Option<Exemplar>]>;

/// Observations, counted by upper bounds. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    observed: prometheus::Histogram,
    exemplars: Option<Arc<Mutex<Exemplars>>>,
}

/// A histogram at one moment.
pub(crate) struct Snapshot {
    /// With the bounds in ascending order; the last one is infinite.
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) sum: f64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub(crate) bound: f64,
    /// How many observations are at most the bound.
    pub(crate) count: u64,
    pub(crate) exemplar: Option<Exemplar>,
}

impl Histogram {
    /// A histogram with these upper bounds, which ascend, and the infinite one.
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        // The crate wants a name and a help text; what is shown are those of the family.
        let options = HistogramOpts::new("histogram", "Observations.").buckets(bounds.to_vec());
        let observed = prometheus::Histogram::with_opts(options);
        Self {
            bounds,
            observed: observed.expect("the bounds ascend"),
            exemplars: None,
        }
    }

    /// Keeps exemplars, from now on.
    pub(crate) fn with_exemplars(self) -> Self {
        let none = vec![None; self.bounds.len() + 1];
        Self {
            exemplars: Some(Arc::new(Mutex::new(none.into()))),
            ..self
        }
    }

    pub(crate) fn observe(&self, value: f64) {
        self.observed.observe(value);
    }

    /// A place for observations that is added to it now and then. While those of a request take
    /// four atomic operations each here, there they take none.
    pub(crate) fn local(&self) -> LocalHistogram {
        self.observed.local()
    }

    /// The exemplar of its bucket is this value from now on, if there are exemplars.
    pub(crate) fn keep_exemplar(&self, value: f64, trace_id: u128) {
        if let Some(mut exemplars) = self.exemplars() {
            let at = SystemTime::now().duration_since(UNIX_EPOCH);
            let bucket = self.bounds.partition_point(|bound| *bound < value);
            exemplars[bucket] = Some(Exemplar {
                trace_id,
                value,
                at: at.unwrap_or(Duration::ZERO).as_secs_f64(),
            });
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.observed.get_sample_count()
    }

    /// Samples of a histogram with so many bounds: its buckets, `+Inf`, sum and count.
    pub(crate) const fn samples(bounds: &[f64]) -> usize {
        bounds.len() + 3
    }

    pub(crate) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let metric = self.observed.metric();
        let observed = metric.get_histogram();
        let finite = observed.get_bucket().iter();
        let counts = finite
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .chain([(f64::INFINITY, observed.get_sample_count())]);
        let exemplars = self.exemplars();
        let buckets = counts.enumerate().map(|(index, (bound, count))| Bucket {
            bound,
            count,
            exemplar: exemplars.as_ref().and_then(|exemplars| exemplars[index]),
        });
        Snapshot {
            buckets: buckets.collect(),
            sum: observed.get_sample_sum(),
        }
    }

    fn exemplars(&self) -> Option<MutexGuard<'_, Exemplars>> {
        let exemplars = self.exemplars.as_ref()?;
        Some(exemplars.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_a_timer_are_even_in_the_logarithm() {
        let step = (30.0_f64 / 0.001).ln() / 49.0;
        for (index, bound) in TIMER_SECONDS.into_iter().enumerate() {
            let expected = 0.001 * (index as f64 * step).exp();
            assert!((bound / expected - 1.0).abs() < 1e-12, "{bound} {expected}");
        }
    }

    #[test]
    fn a_time_on_a_bound_is_within_it() {
        let times = Histogram::new(&TIMER_SECONDS);
        for seconds in [0.001, 0.0010001, -1.0, TIMER_SECONDS[49], 30.1] {
            times.observe(seconds);
        }
        // The second look is the same: reading takes nothing away.
        for Snapshot { buckets, sum } in [times.snapshot(), times.snapshot()] {
            let counts: Vec<u64> = buckets.iter().map(|bucket| bucket.count).collect();
            assert_eq!(counts.len(), 51);
            assert_eq!((counts[0], counts[1], counts[48]), (2, 3, 3));
            assert_eq!((counts[49], counts[50], times.count()), (4, 5, 5));
            assert!((sum - 59.1020001).abs() < 1e-9);
        }
    }

    #[test]
    fn a_bucket_has_the_latest_exemplar() {
        let times = Histogram::new(&[1.0, 2.0]).with_exemplars();
        for (value, trace_id) in [(1.5, 7), (2.0, 8), (2.5, 9)] {
            times.observe(value);
            times.keep_exemplar(value, trace_id);
        }
        let of = |bucket: &Bucket| bucket.exemplar.map(|exemplar| exemplar.trace_id);
        let traces: Vec<Option<u128>> = times.snapshot().buckets.iter().map(of).collect();
        assert_eq!(traces, [None, Some(8), Some(9)]);
    }
}
