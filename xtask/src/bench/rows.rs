//! The rows of the goals: what each is called, its goal, and how it is measured.

use anyhow::bail;

use super::grid::{Cell, Unsupported, number_text, spread_text};
use super::h2load::Callers;
use super::loads::{Grpc, Rest};
use super::measures::Bench;
use super::models::{ELEMENTS, FOUR, MEAN, Model, REVERSED, SECONDS, SMALL, WAITING, six_digits};
use super::protocol::Form;
use super::servers::{Server, Setup};
use super::spread::Spread;
use super::turns::Turn;

/// One row of the goals.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) goal: Goal,
    pub(super) unit: &'static str,
    /// At most so many rounds, where one takes minutes.
    pub(super) rounds: usize,
    pub(super) measure: fn(&Bench, &Server) -> anyhow::Result<f64>,
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// So many times seldon-core's value.
    Times(f64),
    /// Seldon-core's value divided by so much.
    Part(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub(super) fn text(self, unit: &str) -> String {
        match self {
            Self::Times(least) => format!("{least} ×"),
            Self::Part(least) if least <= 1.0 => format!("{} ×", 1.0 / least),
            Self::Part(least) => format!("1/{least}"),
            Self::AtLeast(least) => format!("≥ {least} {unit}"),
            Self::AtMost(most) => format!("≤ {most} {unit}"),
        }
    }

    /// What counts: a ratio to seldon-core in the same round, or the value itself.
    pub(super) fn measured(self, ours: &Cell, seldon: Option<&Cell>) -> Option<Spread> {
        match self {
            Self::Times(_) => ours.over(seldon?),
            Self::Part(_) => seldon?.over(ours),
            Self::AtLeast(_) | Self::AtMost(_) => ours.spread(),
        }
    }

    /// How that is written.
    pub(super) fn shown(self, spread: Spread, unit: &str) -> String {
        spread_text(spread, |value| match self {
            Self::Part(_) if value > 1.0 => format!("1/{}", number_text(value)),
            Self::Part(_) => format!("{} ×", number_text(1.0 / value)),
            Self::Times(_) => format!("{} ×", number_text(value)),
            Self::AtLeast(_) | Self::AtMost(_) => format!("{} {unit}", number_text(value)),
        })
    }

    pub(super) fn is_met(self, spread: Spread) -> bool {
        match self {
            Self::Times(least) | Self::Part(least) | Self::AtLeast(least) => spread.median >= least,
            Self::AtMost(most) => spread.median <= most,
        }
    }
}

/// All rows, in the order of the table.
pub(super) const ROWS: [Row; 15] = [
    Row {
        name: "rest-small",
        title: "REST, small array, 1 worker, 1 thread, 64 connections",
        goal: Goal::Times(75.0),
        measure: |bench, server| Ok(small(bench, server, 1, 64)?.rate),
        ..RATE
    },
    Row {
        name: "rest-small-threads",
        title: "REST, small array, 1 worker, 10 threads, 64 connections",
        goal: Goal::Times(75.0),
        measure: |bench, server| {
            if !server.kind.is_seldon() {
                bail!(Unsupported("no threads"));
            }
            Ok(small(bench, server, 10, 64)?.rate)
        },
        ..RATE
    },
    Row {
        name: "grpc-small",
        title: "gRPC, small tensor, 10 threads, 64 connections",
        goal: Goal::Times(60.0),
        measure: |bench, server| Ok(grpc(bench, server, &SMALL, &FOUR, 64)?.rate),
        ..RATE
    },
    Row {
        name: "cpu",
        title: "CPU per small request, 16 connections",
        goal: Goal::Part(45.0),
        unit: "µs",
        measure: |bench, server| Ok(small(bench, server, 1, 16)?.processor_time),
        ..RATE
    },
    Row {
        name: "latency",
        title: "REST, small array, 1 connection, median latency",
        goal: Goal::Part(17.0),
        unit: "µs",
        measure: |bench, server| Ok(small(bench, server, 1, 1)?.median),
        ..RATE
    },
    Row {
        name: "rest-large",
        title: "REST, 150,528 floats in, 10 threads, 4 connections",
        goal: Goal::Times(30.0),
        measure: |bench, server| Ok(large(bench, server, &MEAN)?.rate),
        ..RATE
    },
    Row {
        name: "rest-large-both",
        title: "REST, 150,528 floats in and out, 10 threads, 4 connections",
        goal: Goal::Times(38.0),
        measure: |bench, server| Ok(large(bench, server, &REVERSED)?.rate),
        ..RATE
    },
    Row {
        name: "grpc-large",
        title: "gRPC, 150,528 doubles in, 10 threads, 4 connections",
        goal: Goal::Times(150.0),
        measure: |bench, server| Ok(grpc(bench, server, &MEAN, &six_digits(ELEMENTS), 4)?.rate),
        ..RATE
    },
    Row {
        name: "waiting",
        title: "10 ms model that releases the lock, 1 worker, 10 threads, 32 connections",
        goal: Goal::AtLeast(9.7),
        unit: "at a time",
        measure: |bench, server| {
            let env = [(SECONDS, "0.01".to_owned())];
            let rest = Rest {
                setup: Setup {
                    env: &env,
                    ..Setup::threads(&WAITING, 10)
                },
                row: &FOUR,
                connections: 32,
            };
            Ok(bench.rest(server, &rest)?.rate * 0.01)
        },
        ..RATE
    },
    Row {
        name: "memory",
        title: "memory (PSS) at the defaults",
        goal: Goal::Part(3.0),
        measure: |bench, server| bench.memory(server, Setup::defaults(&SMALL)),
        ..MEMORY
    },
    Row {
        name: "memory-large",
        title: "memory, 300 MiB made in `__init__`, 4 workers (and 1 for gRPC)",
        goal: Goal::Part(1.0),
        measure: Bench::memory_of_five,
        ..MEMORY
    },
    Row {
        name: "start",
        title: "start to first response, beyond `python -c \"import model\"`",
        goal: Goal::AtMost(30.0),
        measure: Bench::start,
        ..TIME
    },
    Row {
        name: "lost-worker",
        title: "SIGKILL of a worker (1 s in `__init__`) to its successor's first response",
        goal: Goal::AtMost(20.0),
        measure: Bench::lost_worker,
        ..TIME
    },
    Row {
        name: "recycled-worker",
        title: "last request of `--max-requests` to the successor's first response, the same class",
        goal: Goal::AtMost(20.0),
        measure: Bench::recycled_worker,
        ..TIME
    },
    Row {
        name: "wave",
        title: "memory a minute after a wave of 1,500 bodies of 1 MB, beyond that before",
        goal: Goal::AtMost(30.0),
        rounds: 2,
        measure: Bench::wave,
        ..MEMORY
    },
];

/// What most rows have in common.
const RATE: Row = Row {
    name: "",
    title: "",
    goal: Goal::AtLeast(0.0),
    unit: "requests/s",
    rounds: usize::MAX,
    measure: |_, _| bail!(Unsupported("not measured")),
};

const MEMORY: Row = Row { unit: "MB", ..RATE };

const TIME: Row = Row { unit: "ms", ..RATE };

fn small(
    bench: &Bench,
    server: &Server,
    threads: usize,
    connections: usize,
) -> anyhow::Result<Turn> {
    let rest = Rest {
        setup: Setup::threads(&SMALL, threads),
        row: &FOUR,
        connections,
    };
    bench.rest(server, &rest)
}

fn large(bench: &Bench, server: &Server, model: &Model) -> anyhow::Result<Turn> {
    let row = six_digits(ELEMENTS);
    let rest = Rest {
        setup: Setup::threads(model, 10),
        row: &row,
        connections: 4,
    };
    bench.rest(server, &rest)
}

fn grpc(
    bench: &Bench,
    server: &Server,
    model: &Model,
    row: &[f64],
    connections: usize,
) -> anyhow::Result<Turn> {
    let grpc = Grpc {
        setup: Setup::threads(model, 10),
        row,
        form: Form::Tensor,
        callers: Callers {
            connections,
            streams: 1,
        },
    };
    bench.grpc(server, &grpc)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn cell(values: [f64; 3]) -> Cell {
        Cell {
            values: values.map(Some).to_vec(),
            problem: None,
        }
    }

    #[test]
    fn names_are_distinct() {
        let names: BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let (ours, theirs) = (cell([80.0, 70.0, 300.0]), cell([1.0, 1.0, 2.0]));
        let goal = Goal::Times(75.0);
        let measured = goal.measured(&ours, Some(&theirs)).unwrap();
        assert_eq!(goal.shown(measured, ""), "80.0 × (70.0 × to 150 ×)");
        assert!(goal.is_met(measured) && !Goal::Times(81.0).is_met(measured));
        assert!(goal.measured(&ours, None).is_none());
    }

    #[test]
    fn less_is_a_part_of_seldon_cores() {
        let (ours, theirs) = (cell([2.0, 2.0, 4.0]), cell([90.0, 100.0, 100.0]));
        let goal = Goal::Part(45.0);
        let measured = goal.measured(&ours, Some(&theirs)).unwrap();
        assert_eq!(goal.shown(measured, ""), "1/45.0 (1/25.0 to 1/50.0)");
        assert!(goal.is_met(measured));
        assert_eq!(goal.text(""), "1/45");
        assert_eq!(Goal::Part(1.0).text(""), "1 ×");
        let more = Goal::Part(1.0).measured(&theirs, Some(&ours)).unwrap();
        assert!(Goal::Part(1.0).shown(more, "").starts_with("45.0 × "));
    }

    #[test]
    fn some_goals_need_no_other_server() {
        let goal = Goal::AtMost(20.0);
        let measured = goal.measured(&cell([19.0, 18.0, 30.0]), None).unwrap();
        assert!(goal.is_met(measured) && !Goal::AtLeast(20.0).is_met(measured));
        assert_eq!(goal.shown(measured, "ms"), "19.0 ms (18.0 ms to 30.0 ms)");
        assert_eq!(Goal::AtLeast(9.7).text("at a time"), "≥ 9.7 at a time");
    }
}
