//! The `streeling` command.

#[cfg(feature = "mimalloc")]
mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "mimalloc")]
    let beside = allocator::give_back;
    #[cfg(not(feature = "mimalloc"))]
    let beside = || std::future::ready(());
    streeling::command(beside)
}
