//! The histogram of a component's timer.

/// How many upper bounds there are, without `+Inf`.
pub(crate) const BOUNDS: usize = 50;

/// Upper bounds in seconds, spread evenly in the logarithm from 1 ms to 30 s. They are written out
/// to the last digit because each is a label, and must be equal to those of every server, also
/// seldon-core's, whose histograms are added to these.
pub(crate) const UPPER_BOUNDS: [f64; BOUNDS] = [
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

/// A histogram of times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    /// How many times lie between the bound before (exclusive) and each bound (inclusive). The last
    /// count is of times above all bounds.
    counts: [u64; BOUNDS + 1],
    sum: f64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: [0; BOUNDS + 1],
            sum: 0.0,
        }
    }

    pub(crate) fn observe(&mut self, seconds: f64) {
        self.counts[UPPER_BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }

    /// For each bound, and finally for `+Inf`, how many times are at most as long.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all times, in seconds.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_even_in_the_logarithm() {
        let step = (30.0_f64 / 0.001).ln() / (BOUNDS - 1) as f64;
        for (index, bound) in UPPER_BOUNDS.into_iter().enumerate() {
            let expected = 0.001 * (index as f64 * step).exp();
            assert!((bound / expected - 1.0).abs() < 1e-12, "{bound} {expected}");
        }
    }

    #[test]
    fn a_time_on_a_bound_is_within_it() {
        let mut times = Histogram::new();
        for seconds in [0.001, 0.0010001, -1.0, UPPER_BOUNDS[49], 30.1] {
            times.observe(seconds);
        }
        let cumulative: Vec<u64> = times.cumulative().collect();
        assert_eq!(cumulative.len(), 51);
        assert_eq!((cumulative[0], cumulative[1], cumulative[48]), (2, 3, 3));
        assert_eq!((cumulative[49], cumulative[50], times.count()), (4, 5, 5));
        assert!((times.sum() - 59.1020001).abs() < 1e-9);
    }
}
