//! Lines for a stream that may be read slowly, or not at all: whoever writes one never waits.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streeling_core::{Figure, Figures};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait for the stream. What comes beyond that is dropped and counted.
const ROOM: usize = 4 << 20;

/// How long lines are gathered before they are written, so that a busy server pays for one system call and
/// one change of thread where it would pay for hundreds.
const GATHER: Duration = Duration::from_millis(20);

/// Bytes that are kept for the next lot; what a burst has taken beyond that is given back.
const USUAL: usize = 256 * 1024;

/// What the last lines may take when the process ends: whoever reads them may have stopped.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Lines on their way to a stream, which a thread of its own writes.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The stream's name.
    name: &'static str,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Dropped since that was last said.
    untold: u64,
    /// The thread is writing what it has taken.
    is_writing: bool,
    /// Nobody wants to gather any more.
    is_urgent: bool,
}

impl Sink {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(
        name: &'static str,
        stream: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name,
            waiting: Mutex::default(),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write(stream))?;
        Ok(Self { shared })
    }

    /// Takes a whole line in, with its line feed, or drops it when there is no room.
    pub(crate) fn line(&self, line: &[u8]) {
        let shared = &*self.shared;
        let mut waiting = shared.lock();
        if waiting.lines.len() + line.len() > ROOM {
            waiting.untold += 1;
            drop(waiting);
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let is_first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if is_first {
            shared.changed.notify_all();
        }
    }

    /// Waits until everything is written, for at most [`LAST_LINES`].
    pub(crate) fn flush(&self) {
        self.flush_within(LAST_LINES);
    }

    fn flush_within(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut waiting = self.shared.lock();
        waiting.is_urgent = true;
        self.shared.changed.notify_all();
        while waiting.is_writing || !waiting.lines.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.shared.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.is_urgent = false;
    }

    /// How many lines were dropped.
    pub(crate) fn figures(&self) -> Figures {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |out| {
            out.push(Figure {
                name: "streeling_log_lines_dropped_total",
                help: "Lines that were not written, since whoever reads the stream is too slow.",
                labels: vec![("stream", shared.name.into())],
                value: shared.dropped.load(Ordering::Relaxed) as f64,
            });
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Lines are whole whatever panicked.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut stream: impl Write) {
        let mut lines = Vec::new();
        loop {
            let untold = self.take(&mut lines);
            let written = write_all(&mut stream, &lines);
            // There is nobody to be told of a stream that cannot be written, but it can be counted.
            let lost = lines[written..].iter().filter(|byte| **byte == b'\n');
            self.dropped
                .fetch_add(lost.count() as u64, Ordering::Relaxed);
            lines.clear();
            lines.shrink_to(USUAL);
            self.lock().is_writing = false;
            self.changed.notify_all();
            if untold > 0 {
                let name = self.name;
                tracing::warn!(
                    "{untold} lines for {name} are lost: they came faster than it is read"
                );
            }
        }
    }

    /// Waits for lines and takes them; says how many were dropped meanwhile.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() {
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.is_urgent {
            // Woken by a flush alone: other lines wake nobody.
            let gathered = self.changed.wait_timeout(waiting, GATHER);
            waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut waiting.lines, lines);
        waiting.is_writing = true;
        std::mem::take(&mut waiting.untold)
    }
}

/// Writes as much as the stream takes before it fails; says how many bytes.
fn write_all(stream: &mut impl Write, lines: &[u8]) -> usize {
    let mut written = 0;
    while written < lines.len() {
        match stream.write(&lines[written..]) {
            Ok(0) => break,
            Ok(more) => written += more,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                // Whoever gave us the stream has told it not to wait; this thread has the time.
                io::ErrorKind::WouldBlock => std::thread::sleep(GATHER),
                _ => break,
            },
        }
    }
    // What a stream keeps to itself is as good as written.
    let _ = stream.flush();
    written
}

/// What a subscriber writes an event to: one call for each line.
#[derive(Debug)]
pub(crate) struct Line<'a>(&'a Sink);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// A stream that takes a piece only when it is read.
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
        let mut figures = Vec::new();
        sink.figures()(&mut figures);
        figures[0].value
    }

    #[test]
    fn lines_that_come_together_are_written_together() {
        let (sink, pipe) = sink();
        sink.line(b"one\n");
        sink.line(b"two\n");
        assert_eq!(pipe.recv().unwrap(), b"one\ntwo\n");
        sink.line(b"three\n");
        assert_eq!(pipe.recv().unwrap(), b"three\n");
        assert!(dropped(&sink) < 0.5);
    }

    #[test]
    fn a_stream_that_nobody_reads_keeps_nobody_waiting() {
        let (sink, pipe) = sink();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // One lot is with the thread, another waits.
        let fit = 2 * ROOM / line.len();
        for _ in 0..fit + 100 {
            sink.line(&line);
        }
        let lost = dropped(&sink);
        assert!(lost >= 100.0, "{lost}");
        sink.flush_within(Duration::from_millis(20));
        let mut read = 0;
        while let Ok(piece) = pipe.recv_timeout(Duration::from_millis(200)) {
            read += piece.len();
        }
        assert_eq!(read / line.len() + lost as usize, fit + 100);
        assert_eq!(read % line.len(), 0);
        sink.line(b"again\n");
        assert_eq!(pipe.recv().unwrap(), b"again\n");
    }

    #[test]
    fn a_stream_that_breaks_is_counted_and_one_that_does_not_wait_is_waited_for() {
        struct Odd(Vec<u8>);

        impl Write for Odd {
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

        assert_eq!(write_all(&mut Odd(Vec::new()), b"one\ntwo\nthree\n"), 5);
        let sink = Sink::start("a stream", Odd(vec![0; 9])).unwrap();
        sink.line(b"one\n");
        sink.line(b"two\n");
        sink.flush();
        assert!((dropped(&sink) - 2.0).abs() < 0.5);
    }

    #[test]
    fn flush_waits_for_the_last_line() {
        let (sink, pipe) = sink();
        sink.line(b"last\n");
        let reader = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            pipe.recv().unwrap()
        });
        sink.flush_within(Duration::from_secs(20));
        assert!(sink.shared.lock().lines.is_empty());
        assert_eq!(reader.join().unwrap(), b"last\n");
    }
}
