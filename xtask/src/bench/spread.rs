//! Medians, and how far the values lie apart.

/// A median between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

impl Spread {
    /// The median, between the bounds of its 95 % interval: those order statistics between which
    /// the median of the distribution lies with that probability, whatever the distribution is (by
    /// the normal approximation of the binomial one). With fewer than nine values they are the
    /// least and the largest. `None` without a value.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let off = (0.98 * count.sqrt()).ceil();
        let low = (count / 2.0 - off).max(0.0) as usize;
        let last = values.len().checked_sub(1)?;
        Some(Self {
            low: values[low],
            median: values[values.len() / 2],
            high: values[last - low],
        })
    }
}

/// The median alone; not a number if there is no value.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(values).map_or(f64::NAN, |spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(values: [f64; N]) -> Option<(f64, f64, f64)> {
        Spread::of(values).map(|spread| (spread.low, spread.median, spread.high))
    }

    #[test]
    fn the_interval_of_twenty_values_leaves_out_five_on_each_side() {
        let values = std::array::from_fn::<f64, 20, _>(|index| 19.0 - index as f64);
        assert_eq!(of(values), Some((5.0, 10.0, 14.0)));
    }

    #[test]
    fn with_few_values_it_reaches_from_the_least_to_the_largest() {
        assert_eq!(of([3.0, 1.0, 2.0]), Some((1.0, 2.0, 3.0)));
        assert_eq!(of([5.0, 4.0, 3.0, 1.0, 2.0]), Some((1.0, 3.0, 5.0)));
        assert_eq!(of([1.0]), Some((1.0, 1.0, 1.0)));
    }

    #[test]
    fn without_values_there_is_none() {
        assert_eq!(of([]), None);
        assert!(median([]).is_nan());
        assert_eq!(median([7.0, 9.0, 8.0]), 8.0);
    }
}
