//! What a component writes by itself, on the streams of this process.

use std::io;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::IgnoredAny;
use streeling_core::{ComponentOutput, StandardStream};

use crate::log::LogFormat;
use crate::sink::Sink;
use crate::streams;

/// Passes on the lines of components: as they are, or, where the log is JSON, each as an object.
#[derive(Debug)]
pub struct ComponentLines {
    output: Sink,
    error: Sink,
    format: LogFormat,
}

/// A line that was no JSON object. The fields have the names of the log's.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<usize>,
    stream: &'static str,
    target: &'static str,
}

impl ComponentLines {
    /// Lines in the format of the log.
    ///
    /// # Errors
    ///
    /// When the system cannot start the threads that write them.
    pub fn start(format: LogFormat) -> io::Result<Self> {
        Ok(Self {
            output: streams::output()?,
            error: streams::error()?,
            format,
        })
    }
}

impl ComponentOutput for ComponentLines {
    fn write(&self, stream: StandardStream, worker: Option<usize>, line: &[u8]) {
        let sink = match stream {
            StandardStream::Output => &self.output,
            StandardStream::Error => &self.error,
        };
        match self.format {
            LogFormat::Json if !is_object(line) => sink.push(&wrapped(stream, worker, line)),
            LogFormat::Text | LogFormat::Json => sink.push(line),
        }
    }
}

/// Whether a line, which ends, is one JSON object.
fn is_object(line: &[u8]) -> bool {
    line.ends_with(b"\n")
        && line.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<IgnoredAny>(line).is_ok()
        && std::str::from_utf8(line).is_ok()
}

fn wrapped(stream: StandardStream, worker: Option<usize>, line: &[u8]) -> Vec<u8> {
    let message = String::from_utf8_lossy(line);
    let line = Line {
        timestamp: Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
            .to_string(),
        level: "INFO",
        message: message.trim_end_matches(['\r', '\n']),
        worker,
        stream: stream.name(),
        target: "streeling::worker",
    };
    let mut line = serde_json::to_vec(&line).expect("strings and numbers can be written as JSON");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_whole_objects_are_objects() {
        for line in [&b"{}\n"[..], b" {\"a\": {\"b\": 1}} \r\n"] {
            assert!(is_object(line), "{}", line.escape_ascii());
        }
        for line in [
            &b"\n"[..],
            b"{}",
            b"{\n",
            b"{} {}\n",
            b"[{}]\n",
            b"{\"a\": NaN}\n",
            b"{\"a\": \"\xff\"}\n",
            b"text {}\n",
        ] {
            assert!(!is_object(line), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn other_lines_become_objects() {
        let line = wrapped(StandardStream::Error, Some(2), b"a \"\x1b\xff\r\n");
        let (end, text) = line.split_last().unwrap();
        assert_eq!(*end, b'\n');
        let mut value: Value = serde_json::from_slice(text).unwrap();
        let timestamp = value["timestamp"].take();
        assert_eq!(timestamp.as_str().map(str::len), Some(27));
        assert_eq!(
            value,
            json!({
                "timestamp": null, "level": "INFO", "message": "a \"\u{1b}\u{fffd}", "worker": 2,
                "stream": "stderr", "target": "streeling::worker",
            })
        );
    }
}
