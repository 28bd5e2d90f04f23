//! Clients that were refused for want of room, and come again at once.
//!
//! A refusal costs the server almost as much as any other small request, and thousands of clients
//! that repeat theirs without a pause would take all of its time: everybody else, a probe as well,
//! would wait for a turn of all of them. So what comes on the same connection right after such a
//! refusal has to wait where they come too fast, for no longer than they were asked to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use tokio::time::Instant;

/// The time from one request to the next, of those that come again: at 0.1 ms each they take a
/// tenth of the time of a thread.
const APART: Duration = Duration::from_millis(1);

/// Those that need not wait, where there were none for a while.
const AT_ONCE: u32 = 100;

/// What `Retry-After` asks for.
const AT_MOST: Duration = Duration::from_secs(1);

/// When those that come again may go on. All connections of a server share it.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            next: Mutex::new(Instant::now()),
        }
    }

    /// Until when the request of a client that comes again has to wait; `None`: not at all.
    fn turn(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(APART * AT_ONCE).unwrap_or(now);
        let turn = (*next).max(earliest).min(now + AT_MOST);
        *next = turn + APART;
        (turn > now).then_some(turn)
    }
}

/// Whether the client of a connection comes again.
#[derive(Clone, Debug)]
pub(crate) struct Comer {
    pace: Arc<Pace>,
    was_refused: Arc<AtomicBool>,
}

impl Comer {
    pub(crate) fn new(pace: Arc<Pace>) -> Self {
        Self {
            pace,
            was_refused: Arc::default(),
        }
    }

    /// Until when this request has to wait. Those that ask how the server is need not.
    pub(crate) fn turn<B>(&self, request: &Request<B>) -> Option<Instant> {
        let is_small = *request.method() != Method::POST && request.uri().query().is_none();
        if is_small || !self.was_refused.load(Ordering::Relaxed) {
            return None;
        }
        self.pace.turn()
    }

    /// What it got.
    pub(crate) fn responded<B>(&self, response: &Response<B>) {
        let is_refused = response.status() == StatusCode::SERVICE_UNAVAILABLE
            && response.headers().contains_key(header::RETRY_AFTER);
        self.was_refused.store(is_refused, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_that_come_again_have_a_millisecond_each() {
        let pace = Pace::new();
        advance(Duration::from_secs(5)).await;
        let now = Instant::now();
        // So many at once, counting the one that is due now.
        assert!((0..=AT_ONCE).all(|_| pace.turn().is_none()));
        for number in 1..=1_000 {
            assert_eq!(pace.turn(), Some(now + APART * number));
        }
        // No one waits for longer than it was asked to.
        assert_eq!(pace.turn(), Some(now + AT_MOST));
        assert_eq!(pace.turn(), Some(now + AT_MOST));
        advance(Duration::from_secs(2)).await;
        assert_eq!(pace.turn(), None);
    }
}
