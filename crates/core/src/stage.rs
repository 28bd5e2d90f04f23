//! The parts of a request's time.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A part of a request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From bytes to a request.
    Decode,
    /// Waiting for a worker.
    Queue,
    /// Inside the component.
    Component,
    /// From a response to bytes.
    Encode,
    /// Inside a layer around the component, by its place among them, from the outside in: the
    /// nodes of a graph, say. Places above 250 share the last one.
    Layer(u8),
}

impl Stage {
    /// The codes of [`Stage::Layer`] start here; 0 is for none.
    const FIRST_LAYER: u8 = 5;

    /// Its name, as traces have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Queue => "queue",
            Self::Component => "component",
            Self::Encode => "encode",
            Self::Layer(_) => "layer",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Decode => 1,
            Self::Queue => 2,
            Self::Component => 3,
            Self::Encode => 4,
            Self::Layer(place) => Self::FIRST_LAYER.saturating_add(place),
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::Decode,
            2 => Self::Queue,
            3 => Self::Component,
            4 => Self::Encode,
            layer => Self::Layer(layer - Self::FIRST_LAYER),
        })
    }
}

/// When a stage was: nanoseconds from the start of its request to the stage's start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) stage: Stage,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Stages that are kept without a lock; a request without layers has four.
const INLINE: usize = 6;

/// The stages of one request, in the order in which each was first recorded. Threads may record at
/// the same time; a stage that is recorded again takes the place of the one before.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// How many of `inline` are taken.
    taken: AtomicUsize,
    inline: [Slot; INLINE],
    more: Mutex<Vec<Record>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Written last: a slot without it is not there yet.
    code: AtomicU8,
    start: AtomicU64,
    end: AtomicU64,
}

impl Slot {
    fn set(&self, record: Record) {
        self.start.store(record.start, Ordering::Relaxed);
        self.end.store(record.end, Ordering::Relaxed);
        self.code.store(record.stage.code(), Ordering::Release);
    }

    fn get(&self) -> Option<Record> {
        Some(Record {
            stage: Stage::from_code(self.code.load(Ordering::Acquire))?,
            start: self.start.load(Ordering::Relaxed),
            end: self.end.load(Ordering::Relaxed),
        })
    }
}

impl Stages {
    pub(crate) fn record(&self, record: Record) {
        let code = record.stage.code();
        let known = |slot: &&Slot| slot.code.load(Ordering::Relaxed) == code;
        let taken = self.taken.load(Ordering::Relaxed);
        if let Some(slot) = self.inline.iter().take(taken).find(known) {
            return slot.set(record);
        }
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        match self.inline.get(index) {
            Some(slot) => slot.set(record),
            None => self.record_more(record),
        }
    }

    #[cold]
    fn record_more(&self, record: Record) {
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        match more.iter_mut().find(|known| known.stage == record.stage) {
            Some(known) => *known = record,
            None => more.push(record),
        }
    }

    pub(crate) fn get(&self, stage: Stage) -> Option<Record> {
        let code = stage.code();
        let slot = |slot: &&Slot| slot.code.load(Ordering::Relaxed) == code;
        let taken = self.taken.load(Ordering::Relaxed);
        match self.inline.iter().take(taken).find(slot) {
            Some(slot) => slot.get(),
            None if taken <= INLINE => None,
            None => self.all().into_iter().find(|record| record.stage == stage),
        }
    }

    pub(crate) fn all(&self) -> Vec<Record> {
        let mut all: Vec<Record> = Vec::with_capacity(INLINE);
        for record in self.inline.iter().filter_map(Slot::get) {
            // Two threads that record a stage for the first time at once take two slots for it.
            if all.iter().all(|known| known.stage != record.stage) {
                all.push(record);
            }
        }
        if self.taken.load(Ordering::Relaxed) > INLINE {
            let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend_from_slice(&more);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(stage: Stage, start: u64) -> Record {
        Record {
            stage,
            start,
            end: start + 1,
        }
    }

    #[test]
    fn stages_keep_their_order_however_many_there_are() {
        let stages = Stages::default();
        let first = [Stage::Decode, Stage::Queue, Stage::Component, Stage::Encode];
        let all: Vec<_> = (0..20).map(Stage::Layer).chain(first).collect();
        for (at, stage) in (0..).zip(&all) {
            assert_eq!(stages.get(*stage), None);
            stages.record(record(*stage, at));
        }
        let recorded: Vec<_> = stages.all().into_iter().map(|one| one.stage).collect();
        assert_eq!(recorded, all);
        for (at, stage) in (0..).zip(&all) {
            assert_eq!(stages.get(*stage), Some(record(*stage, at)));
        }
    }

    #[test]
    fn the_last_record_of_a_stage_counts() {
        let stages = Stages::default();
        for at in 0..40 {
            stages.record(record(Stage::Queue, at));
            stages.record(record(Stage::Layer((at % 10) as u8), at));
        }
        assert_eq!(stages.get(Stage::Queue), Some(record(Stage::Queue, 39)));
        assert_eq!(
            stages.get(Stage::Layer(3)),
            Some(record(Stage::Layer(3), 33))
        );
        assert_eq!(stages.all().len(), 11);
    }
}
