//! What a worker prints and logs, line by line, into the server's log.

use bytes::{Buf, BytesMut};
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A line longer than this is logged in parts, so that a worker that never ends its line cannot
/// fill the memory.
const LONGEST: usize = 64 * 1024;

/// Starts a record of Python's `logging`, and parts its fields.
const FIELD: char = '\u{1f}';

/// Stands for a line feed within a record.
const LINE: &str = "\u{1e}";

/// Forwards one pipe of a worker until its end. It reads as fast as the worker writes, so a
/// chatty component never blocks on a full pipe.
pub(crate) async fn forward(mut pipe: impl AsyncRead + Unpin, slot: usize, stream: &'static str) {
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        match pipe.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        while let Some(end) = memchr(b'\n', &buffer) {
            line(&buffer[..end], slot, stream);
            buffer.advance(end + 1);
        }
        if buffer.len() >= LONGEST {
            line(&buffer, slot, stream);
            buffer.clear();
        }
    }
    if !buffer.is_empty() {
        line(&buffer, slot, stream);
    }
}

fn line(bytes: &[u8], slot: usize, stream: &'static str) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\r');
    match record(text) {
        Some((level, logger, message)) => emit(level, slot, logger, &message),
        None => tracing::info!(target: "streeling::worker", worker = slot, stream, "{text}"),
    }
}

/// Level, logger and message of a line that is a record.
fn record(text: &str) -> Option<(u32, &str, String)> {
    let mut fields = text.strip_prefix(FIELD)?.splitn(3, FIELD);
    let level = fields.next()?.parse().ok()?;
    let logger = fields.next()?;
    Some((level, logger, fields.next()?.replace(LINE, "\n")))
}

/// Python's levels are numbers with names at 10, 20, 30, 40 and 50; one between two names counts as the lower.
fn emit(level: u32, slot: usize, logger: &str, message: &str) {
    match level {
        40.. => {
            tracing::error!(target: "streeling::worker", worker = slot, logger, "{message}");
        }
        30..40 => tracing::warn!(target: "streeling::worker", worker = slot, logger, "{message}"),
        20..30 => tracing::info!(target: "streeling::worker", worker = slot, logger, "{message}"),
        _ => tracing::debug!(target: "streeling::worker", worker = slot, logger, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_told_from_plain_output() {
        let found = record("\u{1f}30\u{1f}my.model\u{1f}one\u{1e}two\u{1f}three");
        assert_eq!(
            found,
            Some((30, "my.model", "one\ntwo\u{1f}three".to_owned()))
        );
        assert_eq!(record("30 my.model"), None);
        assert_eq!(record("\u{1f}high\u{1f}a\u{1f}b"), None);
        assert_eq!(record("\u{1f}30\u{1f}a"), None);
    }
}
