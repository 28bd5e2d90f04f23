//! What the operations of the bench `protobuf` take in memory at their worst moment, beyond the
//! message or bytes that they start from. A program of its own, since counting takes time.
#![expect(clippy::print_stdout, reason = "it exists to print measurements")]

mod by_prost;
mod cases;

use cases::{Case, DIRECTIONS, Operation};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    println!(
        "{:<20} | {:>12} | {:>12} | {:>5} | {:>12}",
        "peak bytes", "ours", "prost", "times", "bare"
    );
    for case in cases::all() {
        for direction in &DIRECTIONS {
            let [ours, prost, bare] = [direction.ours, direction.prost, direction.bare]
                .map(|operation| peak(operation, &case));
            let times = prost as f64 / ours as f64;
            let what = format!("{} {}", direction.name, case.name);
            println!("{what:<20} | {ours:>12} | {prost:>12} | {times:>5.2} | {bare:>12}");
        }
    }
}

fn peak(operation: Operation, case: &Case) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    operation(case);
    MEMORY.peak_usage() - before
}
