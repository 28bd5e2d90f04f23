//! What a process writes, line by line.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any start or response takes when all is well.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The lines of a pipe, gathered by a thread so that the writer never waits.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    shared: Arc<(Mutex<Gathered>, Condvar)>,
}

#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) lines: Vec<String>,
    /// The pipe has ended.
    whole: bool,
}

impl Lines {
    pub(super) fn gather(pipe: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self {
            shared: Arc::default(),
        };
        let Some(pipe) = pipe else {
            return lines;
        };
        let writer = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                writer.lock().lines.push(line);
                writer.shared.1.notify_all();
            }
            writer.lock().whole = true;
            writer.shared.1.notify_all();
        });
        lines
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn text(&self) -> String {
        self.lock().lines.join("\n")
    }

    /// All that the pipe held; waits for its end.
    pub(super) fn whole(&self) -> String {
        let gathered = self
            .shared
            .1
            .wait_timeout_while(self.lock(), TIMEOUT, |g| !g.whole);
        drop(gathered);
        self.text()
    }

    pub(super) fn wait_for(&self, text: &str, timeout: Duration) -> Option<String> {
        let since = Instant::now();
        let mut seen = 0;
        let mut gathered = self.lock();
        loop {
            let found = gathered.lines[seen..]
                .iter()
                .find(|line| line.contains(text));
            if let Some(line) = found {
                return Some(line.clone());
            }
            seen = gathered.lines.len();
            let left = timeout.checked_sub(since.elapsed())?;
            if gathered.whole {
                return None;
            }
            gathered = self
                .shared
                .1
                .wait_timeout(gathered, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
