//! Writes what a worker prints and logs into the server's log, line by line.

use bytes::{Buf, BytesMut};
use memchr::memchr;
use streeling_core::RequestId;
use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::field::display;

/// The target of these lines in the server's log.
const TARGET: &str = "streeling::worker";

/// A line longer than this is logged in parts, so that a worker that never ends its line cannot
/// fill the memory.
const LONGEST: usize = 64 * 1024;

/// Starts a line with fields before its text, and separates the fields.
const FIELD: char = '\u{1f}';

/// Stands for a line feed within a record.
const LINE: &str = "\u{1e}";

/// Fields before the text are not longer than this; a line with longer ones is plain text.
const LONGEST_HEAD: usize = 1024;

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
            // The rest of the line belongs to the same request.
            buffer.truncate(line(&buffer, slot, stream));
        }
    }
    if !buffer.is_empty() {
        line(&buffer, slot, stream);
    }
}

/// Logs a line; returns how many bytes of it come before its text.
fn line(bytes: &[u8], slot: usize, stream: &'static str) -> usize {
    let line = String::from_utf8_lossy(bytes);
    let line = line.trim_end_matches('\r');
    let (head, text) = split(line);
    match head.level {
        Some(level) => emit(level, head, slot, &text.replace(LINE, "\n")),
        None => {
            let request_id = head.id.map(display);
            tracing::info!(target: TARGET, worker = slot, request_id, stream, "{text}");
        }
    }
    (line.len() - text.len()).min(bytes.len())
}

/// The fields before the text of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Head<'a> {
    /// The level of a record of Python's `logging`; `None` for what was printed.
    level: Option<u32>,
    logger: &'a str,
    /// The request during which it was written.
    id: Option<&'a str>,
}

/// Head and text of a line; what does not begin with a valid head is all text.
fn split(line: &str) -> (Head<'_>, &str) {
    head(line).unwrap_or((Head::default(), line))
}

fn head(line: &str) -> Option<(Head<'_>, &str)> {
    let mut fields = line.strip_prefix(FIELD)?.splitn(4, FIELD);
    let (level, logger) = (fields.next()?, fields.next()?);
    let (id, text) = (fields.next()?, fields.next()?);
    let level = match level {
        "" if logger.is_empty() && !id.is_empty() => None,
        level => Some(level.parse().ok()?),
    };
    let one_word = id.len() <= RequestId::LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !one_word || line.len() - text.len() > LONGEST_HEAD {
        return None;
    }
    let id = (!id.is_empty()).then_some(id);
    Some((Head { level, logger, id }, text))
}

/// Python's levels are numbers with names at 10, 20, 30, 40 and 50; one between two names counts as
/// the lower.
fn emit(level: u32, head: Head<'_>, slot: usize, text: &str) {
    let Head { logger, id, .. } = head;
    let request_id = id.map(display);
    macro_rules! at {
        ($level:ident) => {
            tracing::$level!(target: TARGET, worker = slot, request_id, logger, "{text}")
        };
    }
    match level {
        40.. => at!(error),
        30..40 => at!(warn),
        20..30 => at!(info),
        _ => at!(debug),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(level: u32, logger: &'a str, id: Option<&'a str>) -> Head<'a> {
        Head {
            level: Some(level),
            logger,
            id,
        }
    }

    #[test]
    fn a_record_is_distinguished_from_plain_output() {
        assert_eq!(
            split("\u{1f}30\u{1f}my.model\u{1f}\u{1f}one\u{1e}two\u{1f}three"),
            (record(30, "my.model", None), "one\u{1e}two\u{1f}three")
        );
        assert_eq!(
            split("\u{1f}30\u{1f}\u{1f}a-1\u{1f}"),
            (record(30, "", Some("a-1")), "")
        );
        let printed = Head {
            id: Some("a-1"),
            ..Head::default()
        };
        assert_eq!(
            split("\u{1f}\u{1f}\u{1f}a-1\u{1f}\u{1f}\u{1f}text"),
            (printed, "\u{1f}\u{1f}text")
        );
    }

    #[test]
    fn a_line_without_a_valid_head_is_text() {
        let long = "x".repeat(RequestId::LONGEST + 1);
        for text in [
            "",
            "30 my.model",
            "\u{1f}",
            "\u{1f}30\u{1f}a",
            "\u{1f}30\u{1f}a\u{1f}b",
            "\u{1f}high\u{1f}a\u{1f}b\u{1f}c",
            "\u{1f}-1\u{1f}a\u{1f}b\u{1f}c",
            "\u{1f}\u{1f}a\u{1f}b\u{1f}c",
            "\u{1f}\u{1f}\u{1f}\u{1f}c",
            "\u{1f}30\u{1f}a\u{1f}two words\u{1f}c",
            "\u{1f}30\u{1f}a\u{1f}é\u{1f}c",
            &format!("\u{1f}30\u{1f}a\u{1f}{long}\u{1f}c"),
            &format!("\u{1f}30\u{1f}{}\u{1f}b\u{1f}c", long.repeat(8)),
        ] {
            assert_eq!(split(text), (Head::default(), text), "{text:?}");
        }
    }

    #[test]
    fn the_length_of_the_head_is_returned() {
        assert_eq!(line(b"\x1f\x1f\x1fa-1\x1ftext", 0, "stdout"), 7);
        assert_eq!(line(b"\x1f10\x1fa\x1f\x1f\xff", 0, "stdout"), 7);
        assert_eq!(line(b"text", 0, "stdout"), 0);
    }
}
