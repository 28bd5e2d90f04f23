//! Lines of the log for people.

use std::fmt::{self, Debug, Write as _};

use streeling_core::RequestContext;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Time, level, target, message, fields and the ids of the thread's current request, on one line.
///
/// A message of many lines has its fields on the first line, where a search finds them, and the
/// others are indented, so that the text of a client cannot look like a line of the server's. Nor
/// can it move the cursor of a terminal: control characters are escaped.
pub(crate) struct TextFormat;

impl<S, N> FormatEvent<S, N> for TextFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let mut message = parts.message.split('\n');
        let metadata = event.metadata();
        let (dim, color, end) = match writer.has_ansi_escapes() {
            true => ("\u{1b}[2m", color(*metadata.level()), "\u{1b}[0m"),
            false => ("", "", ""),
        };
        write!(writer, "{dim}")?;
        SystemTime.format_time(&mut writer)?;
        write!(
            writer,
            "{end} {color}{:>5}{end} {dim}{}:{end} ",
            metadata.level(),
            metadata.target()
        )?;
        write_escaped(&mut writer, message.next().unwrap_or_default())?;
        writer.write_str(&parts.fields)?;
        if let Some(request) = RequestContext::current() {
            write!(writer, " request_id={}", request.id)?;
            if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
                write!(writer, " trace_id={:032x}", trace.trace_id)?;
            }
        }
        for line in message {
            writer.write_str("\n    ")?;
            write_escaped(&mut writer, line)?;
        }
        writer.write_char('\n')
    }
}

/// The code that starts a level's color on a terminal.
fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

#[derive(Default)]
struct Parts {
    message: String,
    /// Each after a space.
    fields: String,
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}=")
                .and_then(|()| write_escaped(&mut self.fields, &format!("{value:?}"))),
        };
    }
}

/// Writes a text of one line.
fn write_escaped(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        let (plain, controls) = rest.split_at(at);
        out.write_str(plain)?;
        let mut characters = controls.chars();
        match characters.next() {
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some(control) => write!(out, "\\x{:02x}", u32::from(control))?,
            None => {}
        }
        rest = characters.as_str();
    }
    out.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut line = String::new();
        write_escaped(&mut line, "a\tb\rc\u{1b}[2Jd\u{85}é\n").unwrap();
        assert_eq!(line, "a\tb\\rc\\x1b[2Jd\\x85é\\n");
    }
}
