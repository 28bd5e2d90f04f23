//! The numbers of workers' places, which nobody else in a server has.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::pool::lock;

/// Numbers the places of all pools of a server, and of what else runs the component: logs and metrics
/// tell them apart by their numbers alone. Cloning gives another handle to the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    taken: Arc<Mutex<BTreeSet<usize>>>,
}

impl Slots {
    /// The smallest number that is free; it is given back when this is dropped.
    pub(crate) fn take(&self) -> Slot {
        let mut taken = lock(&self.taken);
        let number = (0..).find(|number| !taken.contains(number));
        let number = number.expect("there are more numbers than workers");
        taken.insert(number);
        Slot {
            number,
            slots: self.clone(),
        }
    }
}

/// The place of one worker and its successors.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: usize,
    slots: Slots,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.slots.taken).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_number_is_taken_and_comes_back() {
        let slots = Slots::default();
        let other = slots.clone();
        let (zero, one, two) = (slots.take(), other.take(), slots.take());
        assert_eq!((zero.number, one.number, two.number), (0, 1, 2));
        drop(one);
        drop(zero);
        let again = [other.take(), slots.take(), slots.take()];
        assert_eq!(again.map(|slot| slot.number), [0, 1, 3]);
    }
}
