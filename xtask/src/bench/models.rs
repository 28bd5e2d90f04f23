//! Models made for measuring.

/// A model: its class and file, and what it must respond.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// The row of a response to a row; none if it is another in each process.
    pub(super) predict: Option<Predict>,
}

type Predict = fn(&[f64]) -> Vec<f64>;

/// All of them.
pub(super) const MODELS: [&Model; 6] = [&SMALL, &MEAN, &REVERSED, &WAITING, &LARGE, &SLOW_START];

/// Two small NumPy operations, about 5 µs: what is measured is the server.
pub(super) const SMALL: Model = Model {
    name: "Bench",
    source: "\
import numpy as np


class Bench:
    def load(self):
        self.weights = np.arange(12.0).reshape(4, 3) / 100

    def predict(self, X, names, meta=None):
        return np.tanh(X @ self.weights)
",
    predict: Some(|row| {
        let weight = |at: usize, column| (3 * at + column) as f64 / 100.0;
        (0..3)
            .map(|column| {
                let products = row.iter().enumerate();
                let sum: f64 = products.map(|(at, x)| x * weight(at, column)).sum();
                sum.tanh()
            })
            .collect()
    }),
};

/// Much in, one number out.
pub(super) const MEAN: Model = Model {
    name: "Mean",
    source: "\
class Mean:
    def predict(self, X, names, meta=None):
        return X.mean(axis=1, keepdims=True)
",
    predict: Some(|row| vec![row.iter().sum::<f64>() / row.len() as f64]),
};

/// Much in, as much out.
pub(super) const REVERSED: Model = Model {
    name: "Reversed",
    source: "\
class Reversed:
    def predict(self, X, names, meta=None):
        return X[:, ::-1]
",
    predict: Some(|row| row.iter().rev().copied().collect()),
};

/// Waits without the interpreter's lock, as a model does that computes elsewhere; how long is in
/// the variable [`SECONDS`].
pub(super) const WAITING: Model = Model {
    name: "Waiting",
    source: "\
import os
import time


class Waiting:
    def __init__(self):
        self.seconds = float(os.environ['BENCH_SECONDS'])

    def predict(self, X, names, meta=None):
        if self.seconds:
            time.sleep(self.seconds)
        return X
",
    predict: Some(<[f64]>::to_vec),
};

/// The variable that says how long a call of [`WAITING`] takes.
pub(super) const SECONDS: &str = "BENCH_SECONDS";

/// Holds 300 MiB that its constructor has made.
pub(super) const LARGE: Model = Model {
    name: "Large",
    source: "\
import numpy as np


class Large:
    def __init__(self):
        self.weights = np.ones(300 << 17)

    def predict(self, X, names, meta=None):
        return X * self.weights[0]
",
    predict: Some(<[f64]>::to_vec),
};

/// Takes a second to construct, and says which process it is in.
pub(super) const SLOW_START: Model = Model {
    name: "SlowStart",
    source: "\
import os
import time

import numpy as np


class SlowStart:
    def __init__(self):
        time.sleep(1)

    def predict(self, X, names, meta=None):
        return np.array([[os.getpid()]])
",
    predict: None,
};

/// Elements of an image of 224 × 224 pixels in three colours.
pub(super) const ELEMENTS: usize = 150_528;

/// The row of a small request.
pub(super) const FOUR: [f64; 4] = [5.1, 3.5, 1.4, 0.2];

/// So many floats of six digits that look like any other: the index times a prime, below one.
pub(super) fn six_digits(count: usize) -> Vec<f64> {
    (0..count as u64)
        .map(|index| (index * 618_033 % 1_000_000) as f64 / 1e6)
        .collect()
}

/// Whether two rows are the same but for rounding.
pub(super) fn close(one: &[f64], two: &[f64]) -> bool {
    let differs = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-9 * a.abs().max(1.0);
    one.len() == two.len() && !one.iter().zip(two).any(differs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_the_shortest_text_of_their_float() {
        assert_eq!(six_digits(3), [0.0, 0.618033, 0.236066]);
        let longest = six_digits(ELEMENTS)
            .iter()
            .map(|x| x.to_string().len())
            .max();
        assert_eq!(longest, Some(8));
    }

    #[test]
    fn rows_are_compared_but_for_rounding() {
        assert!(close(&[1.0, 2e9], &[1.0 + 1e-12, 2e9 + 0.5]));
        assert!(!close(&[1.0], &[1.1]));
        assert!(!close(&[1.0], &[1.0, 2.0]));
    }
}
