//! The standard streams of this process. All that is written to one of them goes through its sink,
//! so that the lines of several writers do not mix.

use std::io::{self, stderr, stdout};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use streeling_core::MetricSource;

use crate::sink::Sink;

static OUTPUT: OnceLock<Sink> = OnceLock::new();
static ERROR: OnceLock<Sink> = OnceLock::new();

/// Held while a sink is started, so that a stream has one thread.
static STARTING: Mutex<()> = Mutex::new(());

/// The sink of standard output, which is started when it is first wanted.
///
/// # Errors
///
/// When the system cannot start its thread.
pub(crate) fn output() -> io::Result<Sink> {
    started(&OUTPUT, || Sink::start("standard output", stdout()))
}

/// The same for standard error.
pub(crate) fn error() -> io::Result<Sink> {
    started(&ERROR, || Sink::start("standard error", stderr()))
}

fn started(sink: &OnceLock<Sink>, start: impl Fn() -> io::Result<Sink>) -> io::Result<Sink> {
    let _guard = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sink) = sink.get() {
        return Ok(sink.clone());
    }
    let new = start()?;
    Ok(sink.get_or_init(|| new).clone())
}

/// Waits until all lines are written, for at most a second for each stream, since a reader may have
/// stopped. For a process that exits without dropping its [`LogGuard`](crate::LogGuard).
pub fn flush_streams() {
    for sink in [&OUTPUT, &ERROR].into_iter().filter_map(OnceLock::get) {
        sink.flush();
    }
}

/// The number of lines that were dropped, of each stream that is written to.
#[must_use]
pub fn stream_metric_source() -> MetricSource {
    Arc::new(|out| {
        let sinks = [&OUTPUT, &ERROR].into_iter().filter_map(OnceLock::get);
        out.extend(sinks.map(Sink::dropped));
    })
}
