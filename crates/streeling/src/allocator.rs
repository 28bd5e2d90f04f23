//! The command's allocator, and what keeps it giving memory back.
//!
//! It belongs to `main` and not to the library: a program has one allocator, and one that
//! embeds the library chooses it.

use std::hint::black_box;
use std::time::Duration;

use mimalloc::MiMalloc;

/// The systems' allocators keep what a wave of large bodies took (docs/performance.md has figures).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Memory is given back so long after it was freed, at the latest; mimalloc waits for a second.
const INTERVAL: Duration = Duration::from_secs(5);

/// More than mimalloc takes from a page that it shares between allocations.
const LARGE: usize = 1 << 20;

/// Gives free memory back for as long as it runs. Mimalloc does so when it frees a page, which on
/// an idle server nothing makes it do: after a wave of bodies of 200 kB it kept 400 MB.
pub(crate) async fn give_back() {
    loop {
        tokio::time::sleep(INTERVAL).await;
        drop(black_box(Vec::<u8>::with_capacity(LARGE)));
    }
}
