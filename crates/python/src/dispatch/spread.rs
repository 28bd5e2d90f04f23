//! Over how many threads of one worker requests of a class are spread: over more than one only
//! where that has been seen to pay.
//!
//! Calls that hold the interpreter lock run one after the other, on however many threads they are,
//! and the threads fight for the lock. Calls that wait, or compute without the lock, run at the
//! same time. What tells them apart is the *gain*: how much is done at a time while two threads or
//! more have something to do. A call counts for no more than it takes alone, since one that gives
//! the lock away for a moment (it logs a line) overlaps with others and only takes longer for it.
//!
//! A class is wide until a gain near 1 has been seen, so that its first requests get a thread each.
//! Narrow, it is tried on two threads now and then, while requests wait.

use std::time::{Duration, Instant};

use super::interface::WorkerId;

/// Calls from which a gain is computed.
const WINDOW: usize = 32;

/// A gain of so much pays: the rest of two threads' time goes to waiting for the lock.
const PAYS: f32 = 1.25;

/// A wide class with a gain below this becomes narrow. Between the two it stays what it is.
const PAYS_NO_MORE: f32 = 1.15;

/// How far the gain follows each window.
const FOLLOW: f32 = 0.3;

/// How far the time of a call alone follows each call.
const ALONE: f32 = 0.05;

/// In microseconds: a class that is slower need not be known alone to be wide. Alone it would be
/// slow to get known, and beside such calls the fight for the lock costs little.
const SLOW: f32 = 1000.0;

/// A class that has become narrow is tried after so long, then after twice as long each time.
const FIRST_TRIAL: Duration = Duration::from_millis(20);
const LAST_TRIAL: Duration = Duration::from_secs(2);

/// A trial ends after so many calls, also where they show no gain.
const TRIAL: usize = 2 * WINDOW;

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedCall {
    pub(super) worker: WorkerId,
    /// The connection over which it came.
    pub(super) thread: usize,
    pub(super) sent: Instant,
    pub(super) entered: Instant,
    pub(super) took: Duration,
    /// From when it was sent until now, no other thread of the worker had anything to do.
    pub(super) was_alone: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Wide,
    Narrow {
        next_trial: Instant,
    },
    /// So many calls are left of it.
    Trial {
        left: usize,
    },
}

/// What is known of one class.
#[derive(Debug)]
pub(super) struct Spread {
    state: State,
    /// What a call takes alone, in microseconds.
    alone: Option<f32>,
    gain: Option<f32>,
    trial_interval: Duration,
    /// Calls of one worker that were not alone.
    window: Vec<EndedCall>,
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            state: State::Wide,
            alone: None,
            gain: None,
            trial_interval: FIRST_TRIAL,
            window: Vec::new(),
        }
    }
}

impl Spread {
    /// How many threads of a worker may be busy with the class at the same time.
    pub(super) fn width(&self) -> usize {
        match self.state {
            State::Wide => usize::MAX,
            State::Narrow { .. } => 1,
            State::Trial { .. } => 2,
        }
    }

    /// A request waits for a thread. Whether a second one is tried from now on.
    pub(super) fn begin_trial(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.state, State::Narrow { next_trial } if now >= next_trial);
        if is_due {
            self.window.clear();
            self.state = State::Trial { left: TRIAL };
        }
        is_due
    }

    pub(super) fn learn(&mut self, now: Instant, call: EndedCall) {
        if call.was_alone {
            let micros = micros(call.took);
            let alone = self.alone.get_or_insert(micros);
            *alone += (micros - *alone) * ALONE;
        } else if !matches!(self.state, State::Narrow { .. }) {
            if self
                .window
                .first()
                .is_some_and(|one| one.worker != call.worker)
            {
                // One worker is enough to learn from, unless it has gone.
                if now.saturating_duration_since(self.window[0].sent) > LAST_TRIAL {
                    self.window.clear();
                }
            } else {
                self.window.push(call);
            }
            if self.window.len() == WINDOW {
                let window = std::mem::take(&mut self.window);
                self.judge(now, &window);
            }
        }
        // Of several workers the others do not count: they must not end the trial before there are
        // enough calls of one.
        let counts = self
            .window
            .first()
            .is_none_or(|one| one.worker == call.worker);
        if let State::Trial { left } = &mut self.state
            && counts
        {
            *left -= 1;
            if *left == 0 {
                self.narrow(now);
            }
        }
    }

    fn judge(&mut self, now: Instant, window: &[EndedCall]) {
        let mean = window.iter().map(|call| micros(call.took)).sum::<f32>() / WINDOW as f32;
        if self.alone.is_none() && mean < SLOW {
            // It gets to be known on one thread.
            self.narrow(now);
            return;
        }
        let Some(at_once) = at_once(window) else {
            return;
        };
        let stretched = self
            .alone
            .map_or(1.0, |alone| (alone / mean.max(1.0)).min(1.0));
        let found = at_once * stretched;
        match self.state {
            State::Wide => {
                let gain = self.gain.get_or_insert(found);
                *gain += (found - *gain) * FOLLOW;
                if *gain < PAYS_NO_MORE {
                    self.narrow(now);
                }
            }
            State::Trial { .. } if found >= PAYS => {
                self.state = State::Wide;
                self.gain = Some(found);
                self.trial_interval = FIRST_TRIAL;
            }
            State::Trial { .. } => {
                self.trial_interval = (self.trial_interval * 2).min(LAST_TRIAL);
                self.narrow(now);
            }
            State::Narrow { .. } => {}
        }
    }

    fn narrow(&mut self, now: Instant) {
        let next_trial = now + self.trial_interval;
        self.state = State::Narrow { next_trial };
        self.window.clear();
    }
}

fn micros(time: Duration) -> f32 {
    time.as_secs_f32() * 1e6
}

/// How many of these calls ran at a time, on the mean over the time in which at least two threads
/// had one to run; `None` where that was hardly ever.
fn at_once(window: &[EndedCall]) -> Option<f32> {
    enum Event {
        Sent,
        Entered,
        Left,
    }
    let mut events = Vec::with_capacity(3 * window.len());
    for call in window {
        let left = call.entered + call.took;
        events.push((call.sent.min(call.entered), Event::Sent, call.thread));
        events.push((call.entered, Event::Entered, call.thread));
        events.push((left, Event::Left, call.thread));
    }
    events.sort_by_key(|(at, ..)| *at);
    let threads = events.iter().map(|(.., thread)| thread + 1).max()?;
    // Of each thread, the calls that it has been sent and has not left.
    let mut calls = vec![0_usize; threads];
    let (mut busy, mut running) = (0_usize, 0_usize);
    let (mut contended, mut done) = (0.0, 0.0);
    let mut before = events[0].0;
    for (at, event, thread) in events {
        if busy >= 2 {
            let time = micros(at - before);
            contended += time;
            done += time * running as f32;
        }
        before = at;
        match event {
            Event::Sent => {
                busy += usize::from(calls[thread] == 0);
                calls[thread] += 1;
            }
            Event::Entered => running += 1,
            Event::Left => {
                running -= 1;
                calls[thread] -= 1;
                busy -= usize::from(calls[thread] == 0);
            }
        }
    }
    let all: f32 = window.iter().map(|call| micros(call.took)).sum();
    (contended * 8.0 > all).then(|| done / contended)
}
