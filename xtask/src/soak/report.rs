//! The report of a soak: as Markdown, as JSON, and the curve of the memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::account::{Settlement, Transport};
use super::samples::Samples;
use crate::observe::{Probed, Usage};
use crate::shell::target;

/// All that is reported.
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) settlement: Settlement,
    pub(super) samples: Samples,
    pub(super) warm_up: Duration,
    pub(super) probed: Vec<Probed>,
    /// Before the load, and after it had ended.
    pub(super) usage: (Usage, Usage),
}

impl Report {
    /// Writes the files; gives the Markdown.
    pub(super) fn write(&self) -> anyhow::Result<String> {
        let folder = target()?.join("soak");
        fs::create_dir_all(&folder)?;
        let text = self.markdown()?;
        for (name, content) in [
            ("report.md", &text),
            ("report.json", &format!("{:#}\n", self.json())),
            ("memory.svg", &self.samples.svg()),
        ] {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(text)
    }

    /// Requests, with those of the faults.
    pub(super) fn requests(&self) -> u64 {
        let counts = self.settlement.tally.values().flat_map(BTreeMap::values);
        counts.sum()
    }

    pub(super) fn faults(&self) -> u64 {
        self.settlement.faults.values().sum()
    }

    fn markdown(&self) -> anyhow::Result<String> {
        let mut text = format!(
            "# Soak\n\n{} requests in {} s (seed {}), {} calls of the component, {} faults, {} \
             objections.\n\n",
            self.requests(),
            self.length.as_secs(),
            self.seed,
            self.settlement.executed,
            self.faults(),
            self.settlement.objections.len()
        );
        for objection in self.settlement.objections.iter().take(50) {
            writeln!(text, "- {objection}")?;
        }
        let outcomes: BTreeSet<&String> = self
            .settlement
            .tally
            .values()
            .flat_map(BTreeMap::keys)
            .collect();
        write!(text, "\n| requests | size |")?;
        for outcome in &outcomes {
            write!(text, " {outcome} |")?;
        }
        writeln!(text, "\n|---|---|{}", "---|".repeat(outcomes.len()))?;
        for ((transport, size), counts) in &self.settlement.tally {
            // Its number only sorts it.
            let size = size.split_once(": ").map_or(*size, |(_, size)| size);
            write!(text, "| {transport} | {size} |")?;
            for outcome in &outcomes {
                let count = counts.get(*outcome).copied().unwrap_or_default();
                write!(text, " {count} |")?;
            }
            writeln!(text)?;
        }
        writeln!(text, "\n| fault | times |\n|---|---|")?;
        for (name, count) in &self.settlement.faults {
            writeln!(text, "| {name} | {count} |")?;
        }
        writeln!(
            text,
            "\n| probe | times | failed | slowest |\n|---|---|---|---|"
        )?;
        for Probed {
            name,
            count,
            slowest,
            failed,
            reason,
        } in &self.probed
        {
            let reason = reason.as_deref().unwrap_or_default();
            let slowest = slowest.as_millis();
            writeln!(
                text,
                "| {name} | {count} | {failed} {reason} | {slowest} ms |"
            )?;
        }
        writeln!(
            text,
            "\n| memory | first quarter | last quarter | change |\n|---|---|---|---|"
        )?;
        for (name, first, last) in self.samples.growth(self.warm_up) {
            let change = (last as f64 / first.max(1) as f64 - 1.0) * 100.0;
            writeln!(text, "| {name} | {first} kB | {last} kB | {change:+.1} % |")?;
        }
        let (before, after) = self.usage;
        text += "\n| | memory of the server | descriptors | threads | processes |\n\
                 |---|---|---|---|---|\n";
        for (name, usage) in [("before the load", before), ("after it", after)] {
            writeln!(
                text,
                "| {name} | {} kB | {} | {} | {} |",
                usage.resident, usage.descriptors, usage.threads, usage.processes
            )?;
        }
        writeln!(text, "\n![memory](memory.svg)")?;
        Ok(text)
    }

    fn json(&self) -> Value {
        let tally = self.settlement.tally.iter().map(|(key, counts)| {
            let (transport, size) = key;
            let transport = match transport {
                Transport::Rest => "rest",
                Transport::Grpc => "grpc",
            };
            json!({"transport": transport, "size": size, "outcomes": counts})
        });
        let probes = self.probed.iter().map(|probed| {
            json!({
                "name": probed.name,
                "count": probed.count,
                "failed": probed.failed,
                "slowest_ms": probed.slowest.as_millis() as u64,
            })
        });
        let memory = self.samples.0.iter().map(|(at, usage)| {
            json!([
                at.as_secs(),
                usage.resident,
                usage.tree,
                usage.descriptors,
                usage.threads
            ])
        });
        json!({
            "seed": self.seed,
            "seconds": self.length.as_secs(),
            "requests": self.requests(),
            "calls": self.settlement.executed,
            "objections": self.settlement.objections,
            "tally": tally.collect::<Vec<_>>(),
            "faults": self.settlement.faults,
            "probes": probes.collect::<Vec<_>>(),
            "memory_columns": ["second", "resident_kB", "tree_kB", "descriptors", "threads"],
            "memory": memory.collect::<Vec<_>>(),
        })
    }
}
