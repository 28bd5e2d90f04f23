//! The numbers of worker slots.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// Numbers the worker slots of all pools of a server, and of what else runs the component, so that
/// a number names one slot in logs and metrics. Cloning gives another handle to the same numbers.
#[derive(Clone, Debug, Default)]
pub struct WorkerSlots {
    taken: Arc<Mutex<BTreeSet<usize>>>,
}

impl WorkerSlots {
    /// A slot with the smallest number that is free; the number is free again when it is dropped.
    pub(crate) fn take(&self) -> WorkerSlot {
        let mut taken = lock(&self.taken);
        let number = (0..).find(|number| !taken.contains(number));
        let number = number.expect("there are more numbers than workers");
        taken.insert(number);
        WorkerSlot {
            number,
            slots: self.clone(),
        }
    }
}

/// The slot of one worker and its successors.
#[derive(Debug)]
pub(crate) struct WorkerSlot {
    pub(crate) number: usize,
    slots: WorkerSlots,
}

impl Drop for WorkerSlot {
    fn drop(&mut self) {
        lock(&self.slots.taken).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_number_is_taken_and_given_back() {
        let slots = WorkerSlots::default();
        let other = slots.clone();
        let (zero, one, two) = (slots.take(), other.take(), slots.take());
        assert_eq!((zero.number, one.number, two.number), (0, 1, 2));
        drop(one);
        drop(zero);
        let again = [other.take(), slots.take(), slots.take()];
        assert_eq!(again.map(|slot| slot.number), [0, 1, 3]);
    }
}
