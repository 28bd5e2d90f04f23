//! Ids of traces and spans.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    // Each thread counts on from a place of its own among 2^64, so that they do not meet.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0x7261_6365_u32));
}

/// A number that nobody can tell from a random one, and that is never zero. It keeps no secret.
pub(super) fn span_id() -> u64 {
    loop {
        let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(state);
        let bits = mixed(state);
        if bits != 0 {
            return bits;
        }
    }
}

/// Twice as much of it.
pub(super) fn trace_id() -> u128 {
    u128::from(span_id()) << 64 | u128::from(span_id())
}

/// The finish of `SplitMix64`.
fn mixed(state: u64) -> u64 {
    let bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_differ_within_a_thread_and_between_threads() {
        let threads = [(); 4]
            .map(|()| std::thread::spawn(|| (0..1000).map(|_| trace_id()).collect::<Vec<_>>()));
        let ids: BTreeSet<u128> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.len(), 4000);
    }
}
