//! The requests that are in the server now, for those who look.

use std::cell::Cell;
use std::iter::successors;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::request_context::RequestContext;

/// Threads that start requests at the same time have a lock each.
const SHARDS: usize = 16;

/// No slot.
const NONE: usize = usize::MAX;

/// Every request from its head until its response is there.
#[derive(Debug, Default)]
pub struct OpenRequests {
    shards: [Shard; SHARDS],
}

/// On cache lines of its own, since each thread has one.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<List>);

/// A list in the order in which requests came, so that the oldest ones are read without the others.
/// Its slots are used again, so a request allocates nothing.
#[derive(Debug)]
struct List {
    slots: Vec<Slot>,
    /// The first of the free slots, each of which has the next one in `younger`.
    free: usize,
    oldest: usize,
    youngest: usize,
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: NONE,
            oldest: NONE,
            youngest: NONE,
            len: 0,
        }
    }
}

#[derive(Debug)]
struct Slot {
    request: Option<Arc<RequestContext>>,
    older: usize,
    younger: usize,
}

/// Where a request is kept until it leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    shard: usize,
    slot: usize,
}

thread_local! {
    static OWN_SHARD: Cell<usize> = const { Cell::new(NONE) };
}

impl OpenRequests {
    pub(crate) fn enter(&self, request: &Arc<RequestContext>) -> Place {
        let shard = match OWN_SHARD.get() {
            NONE => choose_shard(),
            shard => shard,
        };
        let slot = self.shards[shard].lock().push(Arc::clone(request));
        Place { shard, slot }
    }

    pub(crate) fn leave(&self, Place { shard, slot }: Place) {
        let left = self.shards[shard].lock().remove(slot);
        // Should this be the last one that knows it, it is not dropped under the lock.
        drop(left);
    }

    /// The `most` oldest requests, the oldest first, and how many there are in all. Of the others
    /// none is looked at.
    #[must_use]
    pub fn oldest(&self, most: usize) -> (Vec<Arc<RequestContext>>, usize) {
        let mut oldest = Vec::new();
        let mut all = 0;
        for shard in &self.shards {
            let list = shard.lock();
            all += list.len;
            oldest.extend(list.iter().take(most).cloned());
        }
        oldest.sort_by_key(|request| request.started);
        oldest.truncate(most);
        (oldest, all)
    }
}

/// The shards of threads that are there from the start are distinct ones.
#[cold]
fn choose_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    OWN_SHARD.set(shard);
    shard
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, List> {
        // Nothing that panics runs while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn push(&mut self, request: Arc<RequestContext>) -> usize {
        let slot = Slot {
            request: Some(request),
            older: self.youngest,
            younger: NONE,
        };
        let index = self.free;
        let index = if index == NONE {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            self.free = self.slots[index].younger;
            self.slots[index] = slot;
            index
        };
        match self.youngest {
            NONE => self.oldest = index,
            youngest => self.slots[youngest].younger = index,
        }
        self.youngest = index;
        self.len += 1;
        index
    }

    fn remove(&mut self, index: usize) -> Option<Arc<RequestContext>> {
        let slot = &mut self.slots[index];
        let (older, younger) = (slot.older, slot.younger);
        let request = slot.request.take();
        slot.younger = self.free;
        self.free = index;
        match older {
            NONE => self.oldest = younger,
            older => self.slots[older].younger = younger,
        }
        match younger {
            NONE => self.youngest = older,
            younger => self.slots[younger].older = older,
        }
        self.len -= 1;
        request
    }

    /// The oldest first.
    fn iter(&self) -> impl Iterator<Item = &Arc<RequestContext>> {
        let first = self.slots.get(self.oldest);
        let slots = successors(first, |slot| self.slots.get(slot.younger));
        slots.filter_map(|slot| slot.request.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_id::RequestId;
    use crate::transport::{Code, Transport};

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };

    fn start(open: &OpenRequests, id: &str) -> Place {
        let request = RequestContext::new(&TEST, RequestId::given(id).unwrap());
        open.enter(&Arc::new(request))
    }

    fn ids(open: &OpenRequests, most: usize) -> (String, usize) {
        let (requests, all) = open.oldest(most);
        let ids: Vec<_> = requests.iter().map(|one| one.id.to_string()).collect();
        (ids.join(" "), all)
    }

    #[test]
    fn requests_are_there_until_they_leave() {
        let open = OpenRequests::default();
        let seen = |most| ids(&open, most);
        assert_eq!(seen(9), (String::new(), 0));
        let [a, b] = ["a", "b"].map(|id| start(&open, id));
        assert_eq!(seen(9), ("a b".to_owned(), 2));
        open.leave(a);
        // It takes the slot of the first one, and is the youngest all the same.
        let c = start(&open, "c");
        assert_eq!(seen(9), ("b c".to_owned(), 2));
        assert_eq!(seen(1), ("b".to_owned(), 2));
        let other = std::thread::scope(|scope| scope.spawn(|| start(&open, "d")).join().unwrap());
        assert_eq!(seen(9), ("b c d".to_owned(), 3));
        // Another thread than the one that it came on may end a request.
        open.leave(other);
        open.leave(b);
        assert_eq!(seen(9), ("c".to_owned(), 1));
        open.leave(c);
        assert_eq!(seen(9), (String::new(), 0));
    }

    #[test]
    fn the_order_is_kept_whichever_leaves() {
        let open = OpenRequests::default();
        let mut expected = Vec::new();
        for round in 0..500_usize {
            let id = format!("r{round}");
            expected.push((id.clone(), start(&open, &id)));
            if round % 3 > 0 {
                let (_, place) = expected.remove(round * 7 % expected.len());
                open.leave(place);
            }
            let ids_now: Vec<_> = expected.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(ids(&open, 1000), (ids_now.join(" "), expected.len()));
        }
        assert_eq!(expected.len(), 167);
        let lists = open.shards.iter().map(|shard| shard.lock().slots.len());
        assert!(lists.sum::<usize>() <= 168, "slots are used again");
    }

    #[test]
    fn a_request_that_has_left_is_not_kept() {
        let open = OpenRequests::default();
        let request = Arc::new(RequestContext::new(&TEST, RequestId::made()));
        let place = open.enter(&request);
        assert_eq!(Arc::strong_count(&request), 2);
        open.leave(place);
        assert_eq!(Arc::strong_count(&request), 1);
    }
}
