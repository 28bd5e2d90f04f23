//! `docs/reliability.md`, as far as `cargo xtask hostile` writes it.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::attack::{Attack, Came};
use super::target::Seen;
use super::{h2spec, schemathesis, smuggling};
use crate::shell::output;

/// The page, and the text below it that is written by hand and kept.
pub(super) const PAGE: &str = "docs/reliability.md";

/// All that was found.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) attacks: Vec<Finding>,
    pub(super) smuggling: Vec<smuggling::Row>,
    pub(super) h2spec: Option<h2spec::Outcome>,
    pub(super) schemathesis: Option<schemathesis::Outcome>,
}

/// An attack with what came of it.
pub(super) struct Finding {
    pub(super) attack: &'static Attack,
    pub(super) came: Came,
    pub(super) seen: Seen,
    pub(super) took: Duration,
    /// What is not right.
    pub(super) faults: Vec<String>,
}

impl Findings {
    /// What is not right, each with its name.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for finding in &self.attacks {
            let name = finding.attack.name;
            faults.extend(
                finding
                    .faults
                    .iter()
                    .map(|fault| format!("{name}: {fault}")),
            );
        }
        for row in self.smuggling.iter().filter(|row| !row.held) {
            faults.push(format!(
                "{}: {} came, right is {}",
                row.name, row.came, row.right
            ));
        }
        let specs = self.h2spec.iter().flat_map(|outcome| &outcome.objections);
        faults.extend(specs.map(|fault| format!("h2spec: {fault}")));
        let schema = self
            .schemathesis
            .iter()
            .flat_map(|outcome| &outcome.objections);
        faults.extend(schema.map(|fault| format!("schemathesis: {fault}")));
        faults
    }

    /// The page.
    pub(super) fn page(&self) -> anyhow::Result<String> {
        let mut text = format!(
            "# Reliability\n\n<!-- Written by `cargo xtask hostile`. Do not edit. -->\n\n\
             What the server does while it is attacked, at its default settings unless a row says\n\
             otherwise. Measured on {}, the attackers on the same machine:\n{}.\n\n\
             Each attack has a server of its own. All the while `/live` and `/ready` on the \
             metrics\nport and `/health/ping` on the REST port are requested on new connections; \
             the slowest\nresponse of each is in the table. *Peak* is the most memory above that \
             of the start, of the\nserver process and with its workers; *kept* is what the server \
             process holds above it at\nlast, within a minute. An attack has failed where a probe \
             failed or came late\n(the metrics port's after 100 ms, ping after 1 s unless a row \
             says otherwise), what came is\nnot right, the peak is above the bound of the attack, \
             or the server is not as before.\n\n\
             `cargo xtask soak` is the other half: mixed load with faults, in which every request \
             is\naccounted for. It writes `target/soak/report.md`.\n\n## Attacks\n\n",
            today(),
            machine()?
        );
        text += "| attack | sent | right | came | /live, /ready, ping (ms) | peak (MB) | kept (MB) \
                 | held |\n|---|---|---|---|---|---|---|---|\n";
        for finding in &self.attacks {
            finding.row(&mut text)?;
        }
        if let Some(outcome) = &self.h2spec {
            writeln!(
                text,
                "\n## HTTP/2\n\nh2spec {} ran {} tests of RFC 9113 and RFC 7541 against the gRPC \
                 port. {} failed,\neach of which `tests/hostile/h2spec.toml` explains:\n",
                h2spec::version()?,
                outcome.tests,
                outcome.explained.len() + outcome.objections.len()
            )?;
            writeln!(text, "| section | test | why it fails |\n|---|---|---|")?;
            for entry in &outcome.explained {
                let (section, test, why) = (&entry.section, &entry.test, &entry.why);
                writeln!(text, "| {section} | {test} | {why} |")?;
            }
            for objection in &outcome.objections {
                writeln!(text, "| | {objection} | **not explained** |")?;
            }
        }
        if let Some(outcome) = &self.schemathesis {
            writeln!(
                text,
                "\n## OpenAPI\n\nschemathesis {} sent {} requests by the document at \
                 `/seldon.json`. Failures of its checks,\neach of which \
                 `tests/hostile/schemathesis.toml` explains:\n",
                outcome.version, outcome.requests
            )?;
            writeln!(text, "| check | seen | times | why |\n|---|---|---|---|")?;
            for (entry, count) in &outcome.explained {
                let (check, seen, why) = (&entry.check, &entry.text, &entry.why);
                writeln!(text, "| `{check}` | {seen} | {count} | {why} |")?;
            }
            for objection in &outcome.objections {
                let objection = objection.replace('|', "\\|").replace('\n', " ");
                writeln!(text, "| | {objection} | | **not explained** |")?;
            }
        }
        if !self.smuggling.is_empty() {
            writeln!(
                text,
                "\n## HTTP/1\n\nRequests that two readers could understand in two ways, each with \
                 a good one behind it on the\nsame connection. *Then 404* is the response to that \
                 one, which is for a page that is not there.\n\n\
                 | sent | right | rule | came | held |\n|---|---|---|---|---|"
            )?;
            for row in &self.smuggling {
                let (name, right, rule, came) = (row.name, &row.right, row.rule, &row.came);
                let held = word(row.held);
                writeln!(text, "| {name} | {right} | {rule} | {came} | {held} |")?;
            }
        }
        Ok(text)
    }

    /// Writes the page to this path.
    pub(super) fn write(&self, path: &std::path::Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, self.page()?).with_context(|| format!("writing {}", path.display()))
    }
}

impl Finding {
    fn row(&self, text: &mut String) -> anyhow::Result<()> {
        let Attack {
            name, sent, right, ..
        } = self.attack;
        let probes: Vec<String> = self
            .seen
            .probed
            .iter()
            .map(|probed| match probed.failed {
                0 => probed.slowest.as_millis().to_string(),
                failed => format!("{} ({failed} failed)", probed.slowest.as_millis()),
            })
            .collect();
        let (server, tree) = self.seen.peak;
        writeln!(
            text,
            "| {name} | {sent} | {right} | {} | {} | {} / {} | {} | {} |",
            self.came.text,
            probes.join(", "),
            server / 1024,
            tree / 1024,
            self.seen.kept / 1024,
            word(self.faults.is_empty())
        )?;
        Ok(())
    }
}

/// The date, in UTC.
fn today() -> String {
    let now = jiff::Timestamp::now().to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

fn word(held: bool) -> &'static str {
    if held { "yes" } else { "**no**" }
}

/// Processor, cores and kernel.
fn machine() -> anyhow::Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |line| {
        line.trim_start_matches(['\t', ':', ' '])
    });
    let cores = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = output(Command::new("uname").arg("-r"))?;
    let kernel = kernel.split(['-', '\n']).next().unwrap_or_default();
    Ok(format!("{cores} cores of {model} (Linux {kernel})"))
}
