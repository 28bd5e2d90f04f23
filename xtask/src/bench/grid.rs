//! Every task on every server, in rounds: what the machine does meanwhile hits all of them.

use std::fmt;

use super::install::Candidate;
use super::servers::Server;
use super::spread::Spread;
use super::turns::in_turns;
use crate::shell::say;

/// Something to measure, and in what.
pub(super) struct Task<'a> {
    pub(super) label: String,
    pub(super) unit: &'a str,
    /// More rounds than these would take too long.
    pub(super) rounds: usize,
    pub(super) measure: Box<Measure<'a>>,
}

type Measure<'a> = dyn Fn(&Server) -> anyhow::Result<f64> + 'a;

/// What a server lacks that a task needs.
#[derive(Debug)]
pub(super) struct Unsupported(pub(super) &'static str);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unsupported {}

/// Why a value is missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    NotInstalled(String),
    Unsupported(String),
    Failed(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled(why) => write!(f, "not installed: {why}"),
            Self::Unsupported(why) => f.write_str(why),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl Problem {
    fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref() {
            Some(Unsupported(why)) => Self::Unsupported((*why).to_owned()),
            None => Self::Failed(format!("{error:#}")),
        }
    }
}

/// What a server took for a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    /// By round.
    pub(super) values: Vec<Option<f64>>,
    /// The last one.
    pub(super) problem: Option<Problem>,
}

impl Cell {
    pub(super) fn spread(&self) -> Option<Spread> {
        Spread::of(self.values.iter().copied().flatten())
    }

    /// Each round's value by the other's of the same round.
    pub(super) fn over(&self, other: &Self) -> Option<Spread> {
        let rounds = self.values.iter().zip(&other.values);
        Spread::of(rounds.filter_map(|(one, other)| Some((*one)? / (*other)?)))
    }

    /// Whether it makes sense to try again: not where it has never gone well.
    fn is_open(&self) -> bool {
        self.problem.is_none() || self.spread().is_some()
    }
}

/// The cells of each task, in the order of the servers.
pub(super) type Grid = Vec<Vec<Cell>>;

/// Measures all, and shows what there is after each task: a run of an hour may be stopped.
pub(super) fn measure(
    tasks: &[Task<'_>],
    candidates: &[Candidate],
    rounds: usize,
    mut show: impl FnMut(&Grid) -> anyhow::Result<()>,
) -> anyhow::Result<Grid> {
    let row = || candidates.iter().map(empty).collect();
    let mut grid: Grid = tasks.iter().map(|_| row()).collect();
    for round in 0..rounds {
        for (number, task) in tasks.iter().enumerate() {
            if round >= task.rounds {
                continue;
            }
            let cells = &mut grid[number];
            for (candidate, cell) in in_turns(round, candidates.iter().zip(cells)) {
                let Ok(server) = &candidate.server else {
                    continue;
                };
                if !cell.is_open() {
                    continue;
                }
                let found = (task.measure)(server);
                let text = match &found {
                    Ok(value) => format!("{} {}", number_text(*value), task.unit),
                    Err(error) => format!("{error:#}"),
                };
                say(format_args!(
                    "round {} of {rounds}, {} of {}: {}: {}: {text}",
                    round + 1,
                    number + 1,
                    tasks.len(),
                    task.label,
                    server.name
                ));
                if let Err(error) = &found {
                    cell.problem = Some(Problem::of(error));
                }
                cell.values.push(found.ok());
            }
            show(&grid)?;
        }
    }
    Ok(grid)
}

fn empty(candidate: &Candidate) -> Cell {
    let problem = candidate.server.as_ref().err();
    Cell {
        values: Vec::new(),
        problem: problem.map(|error| Problem::NotInstalled(format!("{error:#}"))),
    }
}

/// A median, and the bounds behind it unless there is but one value.
pub(super) fn spread_text(spread: Spread, text: impl Fn(f64) -> String) -> String {
    let [low, median, high] = [spread.low, spread.median, spread.high].map(text);
    if low == high {
        median
    } else {
        format!("{median} ({low} to {high})")
    }
}

/// A number with three digits or more: `43,181`, `73.2`, `9.71`.
pub(super) fn number_text(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{size:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut parts: Vec<&str> = Vec::new();
    let mut end = whole.len();
    while end > 0 {
        let start = end.saturating_sub(3);
        parts.insert(0, &whole[start..end]);
        end = start;
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{rest}", parts.join(","))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::bail;

    use super::*;
    use crate::bench::servers::test_server;

    fn candidates() -> Vec<Candidate> {
        let installed = |name| Candidate {
            name,
            server: Ok(test_server(name)),
        };
        let missing = Candidate {
            name: "c",
            server: Err(anyhow::anyhow!("no network")),
        };
        vec![installed("a"), installed("b"), missing]
    }

    #[test]
    fn servers_take_turns_and_what_goes_wrong_is_kept() {
        let calls = RefCell::new(String::new());
        let task = Task {
            label: "a task".to_owned(),
            unit: "s",
            rounds: 2,
            measure: Box::new(|server| {
                calls.borrow_mut().push_str(server.name);
                match server.name {
                    "a" => Ok(calls.borrow().len() as f64),
                    _ => bail!(Unsupported("no gRPC")),
                }
            }),
        };
        let mut shown = 0;
        let grid = measure(&[task], &candidates(), 3, |_| {
            shown += 1;
            Ok(())
        })
        .unwrap();
        // The second round starts at the other end, without the one that cannot.
        assert_eq!((calls.borrow().as_str(), shown), ("aba", 2));
        assert_eq!(grid[0][0].values, [Some(1.0), Some(3.0)]);
        let problems = grid[0].iter().map(|cell| cell.problem.clone());
        let expected = [
            None,
            Some(Problem::Unsupported("no gRPC".to_owned())),
            Some(Problem::NotInstalled("no network".to_owned())),
        ];
        assert!(problems.eq(expected));
    }

    #[test]
    fn a_failure_between_good_rounds_keeps_them() {
        let round = RefCell::new(0);
        let task = Task {
            label: String::new(),
            unit: "",
            rounds: 3,
            measure: Box::new(|_| {
                *round.borrow_mut() += 1;
                match *round.borrow() {
                    2 => bail!("refused"),
                    value => Ok(f64::from(value)),
                }
            }),
        };
        let grid = measure(&[task], &candidates()[..1], 3, |_| Ok(())).unwrap();
        let cell = &grid[0][0];
        assert_eq!(cell.values, [Some(1.0), None, Some(3.0)]);
        assert_eq!(cell.problem, Some(Problem::Failed("refused".to_owned())));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let cell = |values: &[Option<f64>]| Cell {
            values: values.to_vec(),
            problem: None,
        };
        let ours = cell(&[Some(10.0), Some(20.0), Some(90.0)]);
        let theirs = cell(&[Some(1.0), None, Some(3.0)]);
        let ratio = ours.over(&theirs).unwrap();
        assert_eq!((ratio.low, ratio.high), (10.0, 30.0));
    }

    #[test]
    fn numbers_have_three_digits_or_more() {
        let texts = [43_181.4, 1_234_567.0, 73.24, 9.712, 0.0, -12.3, 999.9].map(number_text);
        let expected = [
            "43,181",
            "1,234,567",
            "73.2",
            "9.71",
            "0.00",
            "−12.3",
            "1,000",
        ];
        assert_eq!(texts, expected);
    }
}
