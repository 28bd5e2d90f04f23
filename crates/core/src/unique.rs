//! Numbers that name things.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    // Each thread counts on from a place of its own among 2^64, so that they do not meet.
    static COUNT: Cell<u64> = Cell::new(RandomState::new().hash_one(1));
}

/// A number that looks random: never zero, and practically never the same twice. It keeps no
/// secret.
#[must_use]
pub fn unique_u64() -> u64 {
    loop {
        let count = COUNT.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        COUNT.set(count);
        let bits = mixed(count);
        if bits != 0 {
            return bits;
        }
    }
}

/// Twice as much of it.
#[must_use]
pub fn unique_u128() -> u128 {
    u128::from(unique_u64()) << 64 | u128::from(unique_u64())
}

/// Spreads a count over all bits, each count to another number (the last step of `SplitMix64`).
fn mixed(count: u64) -> u64 {
    let bits = (count ^ (count >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_differ_within_a_thread_and_between_threads() {
        let threads = [(); 4]
            .map(|()| std::thread::spawn(|| (0..1000).map(|_| unique_u64()).collect::<Vec<_>>()));
        let all: BTreeSet<u64> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(all.len(), 4000);
    }
}
