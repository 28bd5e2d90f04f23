//! The metrics that the Prometheus adapter offers the autoscaler, by the rules for it. That these
//! can be scraped, and that Prometheus takes their queries, is seen by `tests/all/scrapes.rs`.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context as _;
use serde_json::Value;

use crate::shell::root;

const FILE: &str = "deploy/prometheus/adapter.yml";

/// The names of the metrics.
pub(super) fn offered() -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(root().join(FILE)).context(FILE)?;
    let configuration: Value = serde_yaml_ng::from_str(&text).context(FILE)?;
    let rules = configuration["rules"].as_array();
    let names = rules
        .context("no rules")
        .context(FILE)?
        .iter()
        .map(|rule| rule["name"]["as"].as_str().map(str::to_owned));
    names
        .collect::<Option<_>>()
        .context("a rule without name.as")
        .context(FILE)
}
