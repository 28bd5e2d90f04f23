//! The access log: a line for every request, in gunicorn's combined format or as JSON.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, ZonedDateTime};
use serde::Serialize;
use streeling_core::{Observer, Outcome, RequestContext, RequestInfo, Trace};

use crate::log::LogFormat;
use crate::sink::Sink;
use crate::streams;

/// Stands for what is unknown.
const UNKNOWN: &str = "-";

/// Capacity that the buffer of a thread keeps for its next line.
const LINE_CAPACITY: usize = 1024;

thread_local! {
    static LINE: RefCell<String> = RefCell::new(String::with_capacity(LINE_CAPACITY));
}

/// The observer that writes a line for every request to standard output.
pub struct AccessLog {
    sink: Sink,
    format: LogFormat,
    /// The second of the latest line, with its text.
    second: Mutex<(u64, String)>,
}

impl AccessLog {
    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// When the system cannot start the thread.
    pub fn start(format: LogFormat) -> io::Result<Self> {
        Ok(Self {
            sink: streams::output()?,
            format,
            second: Mutex::default(),
        })
    }

    fn combined(
        &self,
        line: &mut String,
        request: &RequestContext,
        info: &RequestInfo,
        outcome: &Outcome,
    ) {
        let peer = info.peer.map(|peer| peer.ip());
        // Writing to a string does not fail.
        let _ = match peer {
            Some(peer) => write!(line, "{peer} - - ["),
            None => write!(line, "{UNKNOWN} - - ["),
        };
        self.push_second(line);
        // Written piece by piece: one `write!` of all takes several times as long.
        line.push_str("] \"");
        push_quoted(line, &info.method);
        line.push(' ');
        push_quoted(line, &info.target);
        line.push(' ');
        line.push_str(info.protocol);
        let _ = write!(line, "\" {} {} \"", http_status(outcome), outcome.bytes);
        push_quoted(line, info.referer.as_deref().unwrap_or(UNKNOWN));
        line.push_str("\" \"");
        push_quoted(line, info.agent.as_deref().unwrap_or(UNKNOWN));
        let _ = write!(line, "\" \"{}\"", request.id);
        if let Some(name) = outcome.code.name {
            line.push(' ');
            line.push_str(name);
        }
    }

    /// Adds the time to the second, which is formatted once for all lines of that second.
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
    fn wants_info(&self, _: Option<Trace>) -> bool {
        true
    }

    fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        let Some(info) = request.info.as_deref() else {
            return;
        };
        LINE.with_borrow_mut(|line| {
            line.clear();
            match self.format {
                LogFormat::Text => self.combined(line, request, info, outcome),
                LogFormat::Json => line.push_str(&json(request, info, outcome)),
            }
            line.push('\n');
            self.sink.push(line.as_bytes());
            // The memory of a very long line is given back.
            line.shrink_to(LINE_CAPACITY);
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

/// A transport whose codes have names sends them beside the status of HTTP, which is then 200.
fn http_status(outcome: &Outcome) -> u16 {
    match outcome.code.name {
        Some(_) => 200,
        None => outcome.code.number,
    }
}

/// A line as JSON. Fields that the log has too have the same names.
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

fn json(request: &RequestContext, info: &RequestInfo, outcome: &Outcome) -> String {
    let micros = request.started.elapsed().as_micros();
    let line = Line {
        timestamp: Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
            .to_string(),
        level: "INFO",
        target: "streeling::access",
        transport: request.transport.name,
        client: info.peer.map(|peer| peer.ip()),
        method: &info.method,
        path: &info.target,
        protocol: info.protocol,
        status: http_status(outcome),
        grpc_status: outcome.code.name,
        bytes: outcome.bytes,
        received_bytes: request.received(),
        referer: info.referer.as_deref(),
        agent: info.agent.as_deref(),
        seconds: micros as f64 / 1e6,
        request_id: request.id.to_string(),
        trace_id: request
            .trace
            .filter(|trace| trace.sampled)
            .map(|trace| format!("{:032x}", trace.trace_id)),
    };
    serde_json::to_string(&line).expect("strings and numbers can be written as JSON")
}

/// Adds a client's text, which stands between double quotes, escaped so that it can end neither the
/// quotes nor the line.
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
    fn text_of_a_client_ends_neither_its_quotes_nor_the_line() {
        let mut line = String::new();
        push_quoted(&mut line, "a\"b\\c\n\u{85}é");
        assert_eq!(line, "a\\\"b\\\\c\\x0a\\x85é");
    }
}
