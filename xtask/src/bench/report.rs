//! The page that a run writes: what was reached, what was measured, and on what.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::grid::{Cell, Grid, Problem, number_text, spread_text};
use super::install::{Candidate, SELDON_CORE, STREELING};
use super::rows::{Goal, Row};
use super::svg::Bars;
use crate::shell::{output, root};

/// When, how and where a run was made.
pub(super) struct Run {
    pub(super) date: String,
    pub(super) command: String,
    pub(super) machine: String,
    /// What sends the load.
    pub(super) generators: String,
    /// It was only to show that all of it works.
    pub(super) is_quick: bool,
}

impl Run {
    /// The run of this program, which was started with this command line.
    pub(super) fn of(command: String, is_quick: bool) -> anyhow::Result<Self> {
        let line = |path: &str, name: &str| -> anyhow::Result<String> {
            let text = fs::read_to_string(path)?;
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            Ok(value.map_or_else(String::new, |(_, value)| value.trim().to_owned()))
        };
        let kilobytes = line("/proc/meminfo", "MemTotal")?;
        let kilobytes = kilobytes.split(' ').next().unwrap_or_default();
        let gigabytes = kilobytes.parse::<f64>().unwrap_or_default() * 1024.0 / 1e9;
        // wrk says its version as an error.
        let wrk = Command::new("wrk").arg("-v").output()?;
        let wrk = String::from_utf8_lossy(&wrk.stdout).into_owned();
        let wrk = wrk.split('[').next().unwrap_or_default().trim();
        let h2load = output(Command::new("h2load").arg("--version"))?;
        Ok(Self {
            date: output(Command::new("date").arg("+%F"))?.trim().to_owned(),
            command,
            is_quick,
            generators: format!("{wrk}, {}", h2load.trim()),
            machine: format!(
                "{} × {}, {gigabytes:.0} GB, Linux {}",
                std::thread::available_parallelism()?,
                line("/proc/cpuinfo", "model name")?,
                output(Command::new("uname").arg("-r"))?.trim()
            ),
        })
    }

    /// The start of a page: a title, a remark that it is generated, and what was measured on what.
    pub(super) fn head(&self, title: &str, candidates: &[Candidate]) -> String {
        let mut page = format!(
            "# {title}\n\nWritten by `{}` on {}; do not edit it.\n\n| | |\n|---|---|\n\
             | machine | {} |\n| load | {} |\n",
            self.command, self.date, self.machine, self.generators
        );
        for candidate in candidates {
            let versions = match &candidate.server {
                Ok(server) => server.versions.clone(),
                Err(error) => cell_text(&format!("not installed: {error:#}")),
            };
            _ = writeln!(page, "| {} | {versions} |", candidate.name);
        }
        if self.is_quick {
            page += "\n**A quick run:** one round of turns of one second, of a wave a tenth and \
                     five seconds after it.\nIt shows that all of it works, and nothing else.\n";
        }
        page
    }
}

/// The page of the goals.
pub(super) fn page(run: &Run, candidates: &[Candidate], rows: &[&Row], grid: &Grid) -> String {
    let mut page = run.head("Benchmark", candidates);
    page += "\nThe servers took turns, on the same model, and each had to respond as the model \
             does before it\nwas timed. A value is the median of the rounds, with the bounds of \
             its 95 % interval (of fewer than\nnine rounds: the least and the largest). A ratio \
             is of the values of one round.\n\n";
    page += "## Goals\n\n`×` and `1/` compare with seldon-core.\n\n\
             | what | goal | measured | rounds | met |\n|---|---|---|---|---|\n";
    let at = |name| {
        candidates
            .iter()
            .position(|candidate| candidate.name == name)
    };
    let (ours, seldon) = (at(STREELING), at(SELDON_CORE));
    for (row, cells) in rows.iter().zip(grid) {
        let Some(ours) = ours.map(|at| &cells[at]) else {
            continue;
        };
        let measured = row.goal.measured(ours, seldon.map(|at| &cells[at]));
        let (measured, met) = match measured {
            Some(spread) if row.goal.is_met(spread) => (row.goal.shown(spread, row.unit), "yes"),
            Some(spread) => (row.goal.shown(spread, row.unit), "no"),
            None => ("–".to_owned(), "–"),
        };
        let goal = row.goal.text(row.unit);
        let rounds = ours.values.len();
        _ = writeln!(
            page,
            "| {} | {goal} | {measured} | {rounds} | {met} |",
            row.title
        );
    }
    page += "\n## Values\n\n| what | in |";
    for candidate in candidates {
        _ = write!(page, " {} |", candidate.name);
    }
    page += &format!("\n|---|---|{}\n", "---|".repeat(candidates.len()));
    for (row, cells) in rows.iter().zip(grid) {
        _ = write!(page, "| {} | {} |", row.title, row.unit);
        for cell in cells {
            _ = write!(page, " {} |", value_text(cell));
        }
        page.push('\n');
    }
    page
}

/// The plot of the goals that are multiples of seldon-core's throughput.
pub(super) fn plot(candidates: &[Candidate], rows: &[&Row], grid: &Grid) -> Option<String> {
    let seldon = candidates.iter().position(|c| c.name == SELDON_CORE)?;
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name).collect();
    let ratio = |cell: &Cell, cells: &[Cell]| Some(cell.over(&cells[seldon])?.median);
    let groups = rows
        .iter()
        .zip(grid)
        .filter(|(row, _)| matches!(row.goal, Goal::Times(_)))
        .map(|(row, cells)| {
            let ratios = cells.iter().map(|cell| ratio(cell, cells));
            (row.title, ratios.collect())
        });
    let bars = Bars {
        title: "Throughput compared with seldon-core",
        axis: "times seldon-core's requests per second on the same model and machine",
        unit: "×",
        series: &names,
        groups: groups.collect(),
    };
    Some(bars.svg())
}

/// `43,181 (40,100 to 45,000)`, or why there is no value.
pub(super) fn value_text(cell: &Cell) -> String {
    let value = cell.spread();
    let value = value.map(|spread| spread_text(spread, number_text));
    match (value, &cell.problem) {
        (Some(value), None) => value,
        (None, None) => "–".to_owned(),
        // The head of the page says why.
        (None, Some(Problem::NotInstalled(_))) => "not installed".to_owned(),
        (None, Some(problem)) => format!("– ({})", cell_text(&problem.to_string())),
        (Some(value), Some(problem)) => {
            let problem = cell_text(&problem.to_string());
            format!("{value}, in another round {problem}")
        }
    }
}

/// The start of a text, for one cell of a table.
fn cell_text(text: &str) -> String {
    const MOST: usize = 100;
    let line = text.lines().next().unwrap_or_default().replace('|', "/");
    let start: String = line.chars().take(MOST).collect();
    let more = if start.len() < line.len() { "…" } else { "" };
    start + more
}

/// Writes a page or a plot below the root of the repository.
pub(super) fn write(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    let path = root().join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rows::ROWS;
    use crate::bench::servers::test_server;

    fn cell(values: &[f64], problem: Option<Problem>) -> Cell {
        Cell {
            values: values.iter().copied().map(Some).collect(),
            problem,
        }
    }

    fn candidates() -> Vec<Candidate> {
        let installed = |name| Candidate {
            name,
            server: Ok(test_server(name)),
        };
        vec![
            installed(STREELING),
            installed(SELDON_CORE),
            Candidate {
                name: "mosec",
                server: Err(anyhow::anyhow!("no | network\nat all")),
            },
        ]
    }

    fn grid() -> Grid {
        let missing = || cell(&[], Some(Problem::NotInstalled("no network".to_owned())));
        vec![
            vec![
                cell(&[50_000.0, 40_000.0], None),
                cell(&[500.0, 500.0], None),
                missing(),
            ],
            vec![
                cell(&[25.0], None),
                cell(&[], Some(Problem::Failed("refused".to_owned()))),
                missing(),
            ],
        ]
    }

    #[test]
    fn the_page_has_goals_values_and_what_is_missing() {
        let run = Run {
            date: "2026-01-02".to_owned(),
            command: "cargo xtask bench".to_owned(),
            machine: "2 × CPU".to_owned(),
            generators: "wrk 4".to_owned(),
            is_quick: false,
        };
        let (rest, start) = (&ROWS[0], &ROWS[11]);
        let page = page(&run, &candidates(), &[rest, start], &grid());
        let expected = format!(
            "\
# Benchmark

Written by `cargo xtask bench` on 2026-01-02; do not edit it.

| | |
|---|---|
| machine | 2 × CPU |
| load | wrk 4 |
| Streeling | 1.0 |
| seldon-core | 1.0 |
| mosec | not installed: no / network |

The servers took turns, on the same model, and each had to respond as the model does before it
was timed. A value is the median of the rounds, with the bounds of its 95 % interval (of fewer than
nine rounds: the least and the largest). A ratio is of the values of one round.

## Goals

`×` and `1/` compare with seldon-core.

| what | goal | measured | rounds | met |
|---|---|---|---|---|
| {rest} | 75 × | 100 × (80.0 × to 100 ×) | 2 | yes |
| {start} | ≤ 30 ms | 25.0 ms | 1 | yes |

## Values

| what | in | Streeling | seldon-core | mosec |
|---|---|---|---|---|
| {rest} | requests/s | 50,000 (40,000 to 50,000) | 500 | not installed |
| {start} | ms | 25.0 | – (failed: refused) | not installed |
",
            rest = rest.title,
            start = start.title
        );
        assert_eq!(page, expected);
    }

    #[test]
    fn a_failed_round_is_seen_beside_the_others() {
        let cell = cell(&[1.0], Some(Problem::Failed("refused".to_owned())));
        let expected = "1.00, in another round failed: refused";
        assert_eq!(value_text(&cell), expected);
    }

    #[test]
    fn the_plot_has_multiples_of_seldon_core_only() {
        let plot = plot(&candidates(), &[&ROWS[0], &ROWS[11]], &grid()).unwrap();
        assert!(plot.contains(">100 ×</text>") && plot.contains(ROWS[0].title));
        assert!(!plot.contains("start to first"));
    }
}
