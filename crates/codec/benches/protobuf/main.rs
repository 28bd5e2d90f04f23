//! The codec's own protobuf beside prost's, in turns: `cargo xtask bench protobuf`.
//!
//! Both start from the same bytes and come to the same message, and back. The column "bare" is
//! prost alone, between bytes (read) or messages (write) and its own types: less than it takes.
#![expect(clippy::print_stdout, reason = "it exists to print measurements")]

mod by_prost;
mod cases;

use std::process::Command;
use std::time::Instant;

use cases::{Case, DIRECTIONS, Operation};

/// Rounds of time; in each, every side takes a turn.
const ROUNDS: usize = 201;

/// Bytes of messages that are read or written for one measurement of time.
const BATCH: usize = 200_000;

/// How often an operation is run to count its instructions: the difference of both is counted.
const FEW: usize = 2;
const MANY: usize = 12;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => table("µs", times),
        ["instructions"] => table("instructions", |case, sides| {
            [0, 1, 2].map(|side| instructions(case.name, sides, side))
        }),
        ["run", case, direction, side, count] => {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            run(case, number(direction), number(side), number(count));
        }
        _ => panic!("allowed are nothing and instructions, not {arguments:?}"),
    }
}

/// One direction, with its number.
struct Sides {
    direction: usize,
    operations: [Operation; 3],
}

fn sides(direction: usize) -> Sides {
    let it = &DIRECTIONS[direction];
    Sides {
        direction,
        operations: [it.ours, it.prost, it.bare],
    }
}

fn table(unit: &str, measure: impl Fn(&Case, &Sides) -> [f64; 3]) {
    println!(
        "{:<20} | {:>12} | {:>12} | {:>5} | {:>12}",
        unit, "ours", "prost", "times", "bare"
    );
    for case in cases::all() {
        for (direction, name) in DIRECTIONS.iter().map(|one| one.name).enumerate() {
            let [ours, prost, bare] = measure(&case, &sides(direction));
            let times = prost / ours;
            let what = format!("{name} {}", case.name);
            println!("{what:<20} | {ours:>12.2} | {prost:>12.2} | {times:>5.2} | {bare:>12.2}");
        }
    }
}

/// The median microseconds of each side, which take turns.
fn times(case: &Case, sides: &Sides) -> [f64; 3] {
    let mut found = [const { Vec::new() }; 3];
    let batch = 1 + BATCH / case.body.len();
    for _ in 0..ROUNDS {
        for (operation, found) in sides.operations.iter().zip(&mut found) {
            let start = Instant::now();
            for _ in 0..batch {
                operation(case);
            }
            found.push(start.elapsed().as_secs_f64() * 1e6 / batch as f64);
        }
    }
    found.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// Instructions of one operation, as Valgrind counts them.
fn instructions(case: &str, sides: &Sides, side: usize) -> f64 {
    let counted = |count: usize| -> f64 {
        let program = std::env::current_exe().expect("the path of this program");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["run", case])
            .args([sides.direction.to_string(), side.to_string()])
            .arg(count.to_string())
            .output()
            .expect("valgrind is needed (Debian: valgrind)");
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find_map(|line| line.split_once("Collected :"));
        let (_, number) = line.unwrap_or_else(|| panic!("no count in {text}"));
        number.trim().parse().expect("a number")
    };
    (counted(MANY) - counted(FEW)) / (MANY - FEW) as f64
}

fn run(case: &str, direction: usize, side: usize, count: usize) {
    let all = cases::all();
    let case = all.iter().find(|one| one.name == case);
    let case = case.expect("the name of a case");
    for _ in 0..count {
        sides(direction).operations[side](case);
    }
}
