//! Times of responses, summed up.

use std::time::Duration;

/// The times of one server's responses, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut sorted: Vec<_> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Latencies {
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The time that `percent` of the responses took at most, by the nearest rank.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.sorted.len() * percent).div_ceil(100);
        self.sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The same in milliseconds, as people read it.
    pub(crate) fn shown(&self, percent: usize) -> String {
        self.percentile(percent).map_or_else(
            || "–".to_owned(),
            |time| format!("{:.2}", time.as_secs_f64() * 1e3),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Latencies = (1..=10).rev().map(Duration::from_millis).collect();
        let of = |percent| times.percentile(percent).unwrap().as_millis();
        assert_eq!((of(50), of(90), of(99), of(100), of(0)), (5, 9, 10, 10, 1));
        assert_eq!(times.shown(50), "5.00");
        assert_eq!(Latencies::default().shown(50), "–");
    }
}
