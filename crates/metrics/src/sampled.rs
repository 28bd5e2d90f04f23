//! Families of the samples that metric sources give.

use std::collections::BTreeMap;

use streeling_core::Sample;

use crate::family::{Family, Kind, Series, Value};
use crate::text::{self, TOTAL};

/// Families of these samples, in the order of their names.
pub(crate) fn families(samples: &[Sample]) -> Vec<Family> {
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    for sample in samples {
        let family = families.entry(sample.name).or_insert_with(|| Family {
            name: sample.name.into(),
            kind: if sample.name.ends_with(TOTAL) {
                Kind::Counter
            } else {
                Kind::Gauge
            },
            help: sample.help,
            series: Vec::new(),
        });
        let labels = sample.labels.iter();
        family.series.push(Series {
            labels: text::labels(labels.map(|(name, value)| (*name, &**value))),
            value: Value::Number(sample.value),
        });
    }
    families.into_values().collect()
}
