//! What the rules are to achieve, each shown by the simulation, and the table of what was compared.

use super::*;

const FAST: Model = |_| &[Hold(5)];
/// It gives the lock away for a moment in every call, as one that logs a line.
const LOGS: Model = |_| &[Hold(3), Wait(2), Hold(3)];
const HELD: Model = |_| &[Hold(2_000)];
const SLEEPS: Model = |_| &[Wait(10_000)];
const WAITS: Model = |_| &[Hold(10), Wait(300), Hold(10)];
const NUMPY_1: Model = |_| &[Hold(20), Compute(1_000), Hold(20)];
const NUMPY_5: Model = |_| &[Hold(20), Compute(5_000), Hold(20)];
const MIXED: Model = |id| {
    if id % 50 == 7 {
        &[Wait(20_000)]
    } else {
        &[Hold(5)]
    }
};
const MIXED_HELD: Model = |id| {
    if id % 100 == 7 {
        &[Hold(2_000)]
    } else {
        &[Hold(5)]
    }
};
const SURPRISE: Model = |id| {
    if id == 20_000 {
        &[Wait(5_000_000)]
    } else {
        &[Hold(5)]
    }
};

const MODELS: [(&str, Model); 10] = [
    ("5 µs, holds the lock", FAST),
    ("8 µs, logs a line", LOGS),
    ("2 ms, holds the lock", HELD),
    ("300 µs, waits", WAITS),
    ("10 ms, waits", SLEEPS),
    ("NumPy, 1 ms", NUMPY_1),
    ("NumPy, 5 ms", NUMPY_5),
    ("5 µs, 2 % wait for 20 ms", MIXED),
    ("5 µs, 1 % hold it for 2 ms", MIXED_HELD),
    ("5 µs, one waits for 5 s", SURPRISE),
];

const BEFORE: Policy = Policy {
    budget: Duration::from_micros(500),
    depth_alone: DEPTH,
    learns_spread: false,
    rescues: false,
};

const DEEPER: Policy = Policy {
    budget: Duration::from_micros(2_500),
    ..BEFORE
};

const RESCUES: Policy = Policy {
    rescues: true,
    ..BEFORE
};

#[derive(Clone, Copy, Debug)]
struct Measured {
    /// Responses in a second.
    rate: f64,
    /// Milliseconds; of the whole run the second longest, which is not the surprise itself.
    p50: f64,
    p99: f64,
    longest: f64,
    switches: u64,
}

/// Of the second half of a run of so many seconds, so that what is to be learnt has been.
fn measured(seconds: f64, setting: Setting, model: Model) -> Measured {
    let mut simulation = Simulation::new(setting, model);
    let until = (seconds * 1e6) as u64;
    while simulation.now < until || simulation.done.len() < 4 * setting.connections {
        simulation.run(simulation.done.len() + 1);
    }
    let half = simulation.done.len() / 2;
    let done = &simulation.done[half..];
    let time = simulation.now - simulation.done[half - 1].1;
    let sorted = |done: &[(u64, u64, u64)]| {
        let mut took: Vec<u64> = done.iter().map(|(.., took)| *took).collect();
        took.sort_unstable();
        took
    };
    let (took, all) = (sorted(done), sorted(&simulation.done));
    let share = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    Measured {
        rate: done.len() as f64 * 1e6 / time as f64,
        p50: share(0.5),
        p99: share(0.99),
        longest: all[all.len() - 2] as f64 / 1e3,
        switches: simulation.switches,
    }
}

fn of(workers: usize, threads: usize, connections: usize, policy: Policy) -> Setting {
    Setting {
        workers,
        threads,
        connections,
        policy,
        ..SETTING
    }
}

/// Every number of workers and connections that is looked at.
fn loads() -> impl Iterator<Item = (usize, usize)> {
    [1, 2, 4]
        .into_iter()
        .flat_map(|workers| [1, 16, 64, 1000].map(|connections| (workers, connections)))
}

#[test]
fn ten_threads_are_as_good_as_one_for_a_fast_model_that_holds_the_lock() {
    for (name, model) in [("holds", FAST), ("logs", LOGS)] {
        for (workers, connections) in loads() {
            let one = measured(0.12, of(workers, 1, connections, POLICY), model).rate;
            let ten = measured(0.12, of(workers, 10, connections, POLICY), model).rate;
            let message = format!("{name}, {workers}, {connections}: {ten:.0} of {one:.0}");
            // With four workers and few requests each, now and then two threads are tried.
            assert!(ten > one * 0.8, "{message}");
            assert!(workers > 1 || ten > one * 0.93, "{message}");
        }
    }
    let before = measured(0.1, of(1, 10, 64, BEFORE), LOGS).rate;
    let now = measured(0.1, of(1, 10, 64, POLICY), LOGS).rate;
    assert!(now > before * 3.0, "{now:.0}, before {before:.0}");
}

/// A worker that other processes keep from its core looks like one in a slow call.
#[test]
fn a_fast_model_stays_on_one_thread_where_others_take_its_core() {
    for (name, model) in [("holds", FAST), ("logs", LOGS)] {
        for (workers, connections) in loads() {
            let setting = |threads, policy| Setting {
                taken_off: Some((9_000, 3_000)),
                ..of(workers, threads, connections, policy)
            };
            let one = measured(0.3, setting(1, POLICY), model).rate;
            let ten = measured(0.3, setting(10, POLICY), model);
            let message = format!("{name}, {workers}, {connections}: {ten:.0?} of {one:.0}");
            assert!(ten.rate > one * 0.9, "{message}");
        }
    }
}

#[test]
fn models_that_wait_have_all_threads() {
    for (workers, connections) in loads().filter(|(_, connections)| *connections > 10) {
        let found = measured(0.5, of(workers, 10, connections, POLICY), SLEEPS).rate * 0.01;
        let possible = connections.min(10 * workers);
        assert!(
            found > 0.95 * possible as f64,
            "{found:.1} at a time of {possible}"
        );
    }
    for (workers, connections) in loads().filter(|(_, connections)| *connections >= 64) {
        let found = measured(0.25, of(workers, 10, connections, POLICY), WAITS).rate;
        let before = measured(0.25, of(workers, 10, connections, BEFORE), WAITS).rate;
        assert!(found > before * 0.9, "{found:.0}, before {before:.0}");
    }
}

#[test]
fn models_that_compute_without_the_lock_have_all_cores() {
    for model in [NUMPY_1, NUMPY_5] {
        for (workers, connections) in loads().filter(|(_, connections)| *connections > 1) {
            let found = measured(0.25, of(workers, 10, connections, POLICY), model);
            let before = measured(0.25, of(workers, 10, connections, BEFORE), model);
            assert!(
                found.rate > before.rate * 0.95,
                "{found:?}, before {before:?}"
            );
        }
    }
}

#[test]
fn mixed_models_are_no_slower_than_before_and_fast_calls_wait_less() {
    for model in [MIXED, MIXED_HELD] {
        for (workers, connections) in loads() {
            let found = measured(0.25, of(workers, 10, connections, POLICY), model);
            let before = measured(0.25, of(workers, 10, connections, BEFORE), model);
            assert!(
                found.rate > before.rate * 0.9,
                "{found:?}, before {before:?}"
            );
        }
    }
    let found = measured(0.25, of(1, 10, 64, POLICY), MIXED);
    let before = measured(0.25, of(1, 10, 64, BEFORE), MIXED);
    assert!(
        found.rate > before.rate * 1.5,
        "{found:?}, before {before:?}"
    );
}

/// One call in fifty waits for 20 ms, and it is not known which: as many of them wait at a time as
/// there are threads.
#[test]
fn slow_calls_do_not_hold_the_fast_ones_for_long() {
    for threads in [4, 10] {
        let found = measured(2.0, of(1, threads, 4 * threads, POLICY), MIXED).rate;
        let possible = 50.0 * threads as f64 / 0.020;
        println!("{threads}: {found:.0} of {possible:.0}");
        assert!(found > possible * 0.8, "{found:.0} of {possible:.0}");
    }
}

#[test]
fn a_surprise_holds_up_others_for_a_few_milliseconds() {
    for (workers, connections) in [(1, 64), (2, 64), (1, 1000)] {
        let found = measured(0.4, of(workers, 10, connections, POLICY), SURPRISE);
        let usual = measured(0.4, of(workers, 10, connections, POLICY), FAST);
        assert!(
            found.longest < usual.longest + 5.0,
            "{found:?}, usual {usual:?}"
        );
    }
}

/// Where it cannot move, no more lies behind it than keeps the thread busy.
#[test]
fn a_surprise_on_the_only_thread_holds_up_few() {
    let held_up = |policy| {
        let mut simulation = Simulation::new(of(2, 1, 256, policy), SURPRISE);
        simulation.run(30_000);
        let mut is_done = vec![false; 30_000];
        for (id, ..) in simulation.done {
            is_done
                .get_mut(id as usize)
                .into_iter()
                .for_each(|one| *one = true);
        }
        let before = is_done.iter().rposition(|one| *one).expect("some");
        is_done[..20_200.min(before)]
            .iter()
            .filter(|one| !**one)
            .count()
    };
    let deep = Policy {
        depth_alone: DEPTH,
        ..POLICY
    };
    assert!(held_up(POLICY) <= DEPTH_ALONE, "{}", held_up(POLICY));
    assert!(held_up(deep) > 2 * DEPTH_ALONE, "{}", held_up(deep));
    let shallow = measured(0.1, of(2, 1, 64, POLICY), FAST).rate;
    let deep = measured(0.1, of(2, 1, 64, BEFORE), FAST).rate;
    assert!(shallow > deep * 0.9, "{shallow:.0} of {deep:.0}");
}

#[test]
#[ignore = "prints a table"]
fn simulation_table() {
    let policies = [
        ("before", BEFORE),
        ("2.5 ms", DEEPER),
        ("moves", RESCUES),
        ("now", POLICY),
    ];
    for (name, model) in MODELS {
        for (workers, threads) in [(1, 1), (1, 10), (2, 10), (4, 10), (2, 1)] {
            for connections in [1, 16, 64, 1000] {
                print!("{name} | {workers}×{threads} | {connections}");
                for (_, policy) in policies {
                    let setting = of(workers, threads, connections, policy);
                    let Measured {
                        rate,
                        p50,
                        p99,
                        longest,
                        switches,
                    } = measured(2.0, setting, model);
                    print!(" | {rate:.0} {p50:.1} {p99:.1} {longest:.0} {switches}");
                }
                println!();
            }
        }
    }
}
