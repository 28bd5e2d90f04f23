//! The access log: a line for every request, in the combined format that gunicorn writes, or as JSON.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, ZonedDateTime};
use serde::Serialize;
use streeling_core::{Answered, Call, Figures, Head, Observer, Trace};

use crate::LogFormat;
use crate::sink::Sink;

/// Stands for what is not known.
const NOTHING: &str = "-";

/// Bytes that are kept for the next line.
const USUAL: usize = 1024;

thread_local! {
    static LINE: RefCell<String> = RefCell::new(String::with_capacity(USUAL));
}

/// Writes a line for every request that it is told of to standard output.
pub struct AccessLog {
    sink: Sink,
    format: LogFormat,
    /// The second that was written last, as text.
    second: Mutex<(u64, String)>,
}

impl AccessLog {
    /// Starts to write.
    ///
    /// # Errors
    ///
    /// When the system gives no thread for it.
    pub fn start(format: LogFormat) -> io::Result<Self> {
        Ok(Self {
            sink: Sink::start("standard output", stdout())?,
            format,
            second: Mutex::default(),
        })
    }

    /// Waits until everything is written, for at most a second: whoever reads it may have stopped.
    pub fn flush(&self) {
        self.sink.flush();
    }

    /// How many lines were dropped.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.sink.figures()
    }

    fn combined(&self, line: &mut String, call: &Call, head: &Head, answer: &Answered) {
        let peer = head.peer.map(|peer| peer.ip());
        // Writing to a string does not fail.
        let _ = match peer {
            Some(peer) => write!(line, "{peer} - - ["),
            None => write!(line, "{NOTHING} - - ["),
        };
        self.push_second(line);
        // Piece by piece: what formats them all at once takes several times as long.
        line.push_str("] \"");
        push_quoted(line, &head.verb);
        line.push(' ');
        push_quoted(line, &head.target);
        line.push(' ');
        line.push_str(head.protocol);
        let _ = write!(line, "\" {} {} \"", http_status(answer), answer.bytes);
        push_quoted(line, head.referer.as_deref().unwrap_or(NOTHING));
        line.push_str("\" \"");
        push_quoted(line, head.agent.as_deref().unwrap_or(NOTHING));
        let _ = write!(line, "\" \"{}\"", call.id);
        if let Some(name) = answer.code.name {
            line.push(' ');
            line.push_str(name);
        }
    }

    /// The time to the second, which is the same for many lines.
    fn push_second(&self, line: &mut String) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0 != now {
            let text = ZonedDateTime::now()
                .strftime("%d/%b/%Y:%H:%M:%S %z")
                .to_string();
            *second = (now, text);
        }
        line.push_str(&second.1);
    }
}

impl Observer for AccessLog {
    fn wants_head(&self, _: Option<Trace>) -> bool {
        true
    }

    fn answered(&self, call: &Call, answer: &Answered) {
        let Some(head) = call.head.as_deref() else {
            return;
        };
        LINE.with_borrow_mut(|line| {
            line.clear();
            match self.format {
                LogFormat::Text => self.combined(line, call, head, answer),
                LogFormat::Json => line.push_str(&json(call, head, answer)),
            }
            line.push('\n');
            self.sink.line(line.as_bytes());
            // What one long line has taken is not kept.
            line.shrink_to(USUAL);
        });
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// A transport whose codes have names tells them beside HTTP's own, which says that all is well.
fn http_status(answer: &Answered) -> u16 {
    match answer.code.name {
        Some(_) => 200,
        None => answer.code.number,
    }
}

/// A line as JSON; the fields that the log has are called as there.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    target: &'static str,
    transport: &'static str,
    client: Option<std::net::IpAddr>,
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc_status: Option<&'static str>,
    bytes: u64,
    received_bytes: u64,
    referer: Option<&'a str>,
    agent: Option<&'a str>,
    seconds: f64,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

fn json(call: &Call, head: &Head, answer: &Answered) -> String {
    let micros = call.begun.elapsed().as_micros();
    let line = Line {
        timestamp: Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
            .to_string(),
        level: "INFO",
        target: "streeling::access",
        transport: call.transport.name,
        client: head.peer.map(|peer| peer.ip()),
        method: &head.verb,
        path: &head.target,
        protocol: head.protocol,
        status: http_status(answer),
        grpc_status: answer.code.name,
        bytes: answer.bytes,
        received_bytes: call.received(),
        referer: head.referer.as_deref(),
        agent: head.agent.as_deref(),
        seconds: micros as f64 / 1e6,
        request_id: call.id.to_string(),
        trace_id: call
            .trace
            .filter(|trace| trace.sampled)
            .map(|trace| format!("{:032x}", trace.trace_id)),
    };
    serde_json::to_string(&line).expect("texts and numbers make JSON")
}

/// Adds text of a client's between double quotes: it can neither end them nor the line.
fn push_quoted(line: &mut String, text: &str) {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return line.push_str(text);
    }
    for character in text.chars() {
        match character {
            '"' | '\\' => line.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(line, "\\x{:02x}", u32::from(control));
            }
            other => line.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_stays_between_its_quotes() {
        let mut line = String::new();
        push_quoted(&mut line, "a\"b\\c\n\u{85}é");
        assert_eq!(line, "a\\\"b\\\\c\\x0a\\x85é");
    }
}
