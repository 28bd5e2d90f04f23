//! Random values of a field.

use serde_json::Value;

use super::field::{Field, Kind};

/// How far an open range goes: most values of a standardised feature lie within it.
const SPREAD: f64 = 3.0;

/// Where random values come from.
#[derive(Debug)]
pub(crate) struct Dice {
    random: fastrand::Rng,
}

impl Dice {
    /// The same seed gives the same values.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// A value of `field`: a number or a text, or nested lists of its shape.
    pub(super) fn value(&mut self, field: &Field) -> Value {
        self.nested(field, field.shape.as_deref().unwrap_or_default())
    }

    fn nested(&mut self, field: &Field, shape: &[usize]) -> Value {
        match shape.split_first() {
            None => self.one(field),
            Some((&length, inner)) => {
                Value::Array((0..length).map(|_| self.nested(field, inner)).collect())
            }
        }
    }

    fn one(&mut self, field: &Field) -> Value {
        let values = field.values.as_deref().unwrap_or_default();
        if field.ftype == Kind::Categorical {
            return self.random.choice(values).cloned().unwrap_or_default();
        }
        let (low, high) = self.limits(field);
        let number = low + (high - low) * self.random.f64();
        // seldon-core's tester sends whole numbers as floats, too.
        let number = if field.is_integer() {
            number.round()
        } else {
            number
        };
        Value::from(number)
    }

    /// A finite range: an open side is near the other one, or near zero.
    fn limits(&mut self, field: &Field) -> (f64, f64) {
        // The contract's `check` has refused bounds that are none.
        let (low, high) = field.bounds().unwrap_or((0.0, 0.0));
        match (low.is_finite(), high.is_finite()) {
            (true, true) => (low, high),
            (true, false) => (low, low + SPREAD),
            (false, true) => (high - SPREAD, high),
            (false, false) => (-SPREAD, SPREAD),
        }
    }
}
