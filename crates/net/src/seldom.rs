//! Lines of the log that a client could make come without end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time from one line to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one line through in ten seconds, and counts those that it does not.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    silent: u64,
}

impl Seldom {
    /// Whether there may be a line now; and how many there were not since the one before.
    pub fn now(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < INTERVAL) {
            state.silent += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.silent))
    }
}
