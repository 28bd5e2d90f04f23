//! Lines for a stream that may be read slowly, or not at all. Writing a line never blocks.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streeling_core::Sample;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait for the stream. Lines beyond that are dropped and counted.
const MAX_PENDING: usize = 4 << 20;

/// How long lines are collected before they are written, so that a busy server needs one system
/// call and one context switch instead of hundreds.
const BATCH_DELAY: Duration = Duration::from_millis(20);

/// Capacity that is kept for the next batch; the memory of a burst beyond that is given back.
const KEPT_CAPACITY: usize = 256 * 1024;

/// Time for the last lines when the process exits, since the reader may have stopped.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes from which on a batch is written without delay: a busy writer must not fill the room
/// while the stream is idle.
const LARGE_BATCH: usize = 256 * 1024;

/// A buffer of lines for a stream, which a thread of its own writes.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The stream's name.
    name: &'static str,
    pending: Mutex<Pending>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    lines: Vec<u8>,
    /// Lines dropped since the last warning.
    unreported: u64,
    /// Whether the thread is writing a batch.
    is_writing: bool,
    /// Whether a flush waits, so that lines are written without delay.
    is_flushing: bool,
}

impl Sink {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub(crate) fn start(
        name: &'static str,
        stream: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name,
            pending: Mutex::default(),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write(stream))?;
        Ok(Self { shared })
    }

    /// Adds a whole line, with its line feed, or drops it when there is no room.
    pub(crate) fn push(&self, line: &[u8]) {
        let shared = &*self.shared;
        let mut pending = shared.lock();
        if pending.lines.len() + line.len() > MAX_PENDING {
            pending.unreported += 1;
            drop(pending);
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let before = pending.lines.len();
        pending.lines.extend_from_slice(line);
        let is_large = before < LARGE_BATCH && pending.lines.len() >= LARGE_BATCH;
        drop(pending);
        if before == 0 || is_large {
            shared.changed.notify_all();
        }
    }

    /// Waits until everything is written, for at most [`FLUSH_TIMEOUT`].
    pub(crate) fn flush(&self) {
        self.flush_within(FLUSH_TIMEOUT);
    }

    fn flush_within(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut pending = self.shared.lock();
        pending.is_flushing = true;
        self.shared.changed.notify_all();
        while pending.is_writing || !pending.lines.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.shared.changed.wait_timeout(pending, left);
            pending = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        pending.is_flushing = false;
    }

    /// The number of lines that were dropped.
    pub(crate) fn dropped(&self) -> Sample {
        Sample {
            name: "streeling_log_lines_dropped_total",
            help: "Lines that were dropped because the stream is read too slowly.",
            labels: vec![("stream", self.shared.name.into())],
            value: self.shared.dropped.load(Ordering::Relaxed) as f64,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Lines are added as a whole, so a panic leaves none cut.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut stream: impl Write) {
        let mut lines = Vec::new();
        loop {
            let unreported = self.take(&mut lines);
            let written = write_all(&mut stream, &lines);
            // Where the stream cannot be written, counting is all that is left.
            let lost = lines[written..].iter().filter(|byte| **byte == b'\n');
            self.dropped
                .fetch_add(lost.count() as u64, Ordering::Relaxed);
            lines.clear();
            lines.shrink_to(KEPT_CAPACITY);
            self.lock().is_writing = false;
            self.changed.notify_all();
            if unreported > 0 {
                let name = self.name;
                tracing::warn!("dropped {unreported} lines for {name}: it is read too slowly");
            }
        }
    }

    /// Waits for lines and takes them; returns how many were dropped since the last warning.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut pending = self.lock();
        while pending.lines.is_empty() {
            pending = self
                .changed
                .wait(pending)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !pending.is_flushing && pending.lines.len() < LARGE_BATCH {
            // Only a flush or a large batch ends this early: further lines do not notify.
            let batch = self.changed.wait_timeout(pending, BATCH_DELAY);
            pending = batch.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut pending.lines, lines);
        pending.is_writing = true;
        std::mem::take(&mut pending.unreported)
    }
}

/// Writes until the stream fails; returns how many bytes it has accepted.
fn write_all(stream: &mut impl Write, lines: &[u8]) -> usize {
    let mut written = 0;
    while written < lines.len() {
        match stream.write(&lines[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                // The stream may have been made non-blocking by another process that shares it.
                io::ErrorKind::WouldBlock => std::thread::sleep(BATCH_DELAY),
                _ => break,
            },
        }
    }
    // What the stream has accepted counts as written even if this fails.
    let _ = stream.flush();
    written
}

/// The writer of a subscriber's event, which makes one call for each line.
#[derive(Debug)]
pub(crate) struct LineWriter<'a>(&'a Sink);

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Guards against a hang.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// A stream that accepts bytes only when they are read.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(bytes.to_vec());
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sink() -> (Sink, Receiver<Vec<u8>>) {
        let (sender, receiver) = sync_channel(0);
        (Sink::start("a stream", Pipe(sender)).unwrap(), receiver)
    }

    fn dropped(sink: &Sink) -> f64 {
        sink.dropped().value
    }

    #[test]
    fn lines_that_come_while_others_are_written_are_written_together() {
        let (sink, pipe) = sink();
        sink.push(b"one\n");
        let since = Instant::now();
        while !sink.shared.lock().is_writing {
            assert!(since.elapsed() < TIMEOUT, "nothing is written");
            std::thread::yield_now();
        }
        sink.push(b"two\n");
        sink.push(b"three\n");
        assert_eq!(pipe.recv().unwrap(), b"one\n");
        assert_eq!(pipe.recv().unwrap(), b"two\nthree\n");
        sink.push(b"four\n");
        assert_eq!(pipe.recv().unwrap(), b"four\n");
        assert!(dropped(&sink) < 0.5);
    }

    #[test]
    fn a_stream_without_a_reader_blocks_no_writer() {
        let (sink, pipe) = sink();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // One batch is with the thread, another is pending.
        let fit = 2 * MAX_PENDING / line.len();
        for _ in 0..fit + 100 {
            sink.push(&line);
        }
        let lost = dropped(&sink);
        assert!(lost >= 100.0, "{lost}");
        sink.flush_within(Duration::from_millis(20));
        let kept = (fit + 100 - lost as usize) * line.len();
        let mut read = 0;
        while read < kept {
            read += pipe.recv_timeout(TIMEOUT).unwrap().len();
        }
        assert_eq!(read, kept);
        sink.push(b"again\n");
        assert_eq!(pipe.recv().unwrap(), b"again\n");
    }

    #[test]
    fn lines_for_a_broken_stream_are_counted_and_a_nonblocking_stream_is_retried() {
        struct Failing(Vec<u8>);

        impl Write for Failing {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len() as u8);
                match self.0.len() {
                    1 => Err(io::ErrorKind::WouldBlock.into()),
                    2 => Ok(5),
                    3 => Err(io::ErrorKind::Interrupted.into()),
                    _ => Err(io::ErrorKind::BrokenPipe.into()),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        assert_eq!(write_all(&mut Failing(Vec::new()), b"one\ntwo\nthree\n"), 5);
        let sink = Sink::start("a stream", Failing(vec![0; 9])).unwrap();
        sink.push(b"one\n");
        sink.push(b"two\n");
        sink.flush();
        assert!((dropped(&sink) - 2.0).abs() < 0.5);
    }

    #[test]
    fn flush_waits_for_the_last_line() {
        let (sink, pipe) = sink();
        sink.push(b"last\n");
        let is_read = Arc::new(AtomicBool::new(false));
        let reads = Arc::clone(&is_read);
        let reader = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            reads.store(true, Ordering::Relaxed);
            pipe.recv().unwrap()
        });
        sink.flush_within(TIMEOUT);
        assert!(is_read.load(Ordering::Relaxed));
        assert_eq!(reader.join().unwrap(), b"last\n");
    }
}
