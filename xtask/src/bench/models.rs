//! Models made for measuring.

/// A model: the name of its class and file, and its source.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
}

/// Two small NumPy operations, about 5 µs: what is measured is the server.
pub(super) const SMALL: Model = Model {
    name: "Bench",
    source: "\
import numpy as np


class Bench:
    def load(self):
        self.weights = np.random.default_rng(0).random((4, 3))

    def predict(self, X, names, meta=None):
        return np.tanh(X @ self.weights)
",
};

/// Much in, one number out.
pub(super) const MEAN: Model = Model {
    name: "Mean",
    source: "\
class Mean:
    def predict(self, X, names, meta=None):
        return X.mean(axis=1, keepdims=True)
",
};

/// Much in, as much out.
pub(super) const REVERSED: Model = Model {
    name: "Reversed",
    source: "\
class Reversed:
    def predict(self, X, names, meta=None):
        return X[:, ::-1]
",
};

/// Elements of an image of 224 × 224 pixels in three colours.
pub(super) const ELEMENTS: usize = 150_528;

/// A float of six digits that looks like any other: the index times a prime, below one.
pub(super) fn six_digits(index: u64) -> String {
    format!("0.{:06}", index * 618_033 % 1_000_000)
}
