//! The log on standard error. Every line that belongs to a request has its id.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal, stderr};

use streeling_core::RequestContext;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::streams::{self, flush_streams};
use crate::text::TextFormat;

/// Configuration of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least level of the server's own events. Those of libraries are never logged below INFO.
    pub level: LevelFilter,
    /// Format of the lines.
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Flushes the standard streams when it is dropped: waits until the last lines are written, for at
/// most a second.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        flush_streams();
    }
}

/// Sends the log to standard error until the process exits. Call it once.
///
/// # Errors
///
/// When the system cannot start the thread that writes it.
pub fn init_log(config: LogConfig) -> io::Result<LogGuard> {
    let sink = streams::error()?;
    // The default hook writes to the stream directly: it could block, and its lines have another
    // format.
    std::panic::set_hook(Box::new(log_panic));
    // Libraries' events below INFO are of no use to the users of a server.
    let filter = Targets::new()
        .with_default(config.level.min(LevelFilter::INFO))
        .with_target("streeling", config.level);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(stderr().is_terminal())
        .with_writer(sink);
    match config.format {
        LogFormat::Text => registry.with(layer.event_format(TextFormat)).init(),
        LogFormat::Json => {
            let format = Format::default().json().flatten_event(true);
            let format = JsonFormat(format.with_ansi(false));
            registry.with(layer.json().event_format(format)).init();
        }
    }
    Ok(LogGuard(()))
}

/// Logs a panic as an error.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("a thread");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(target: "streeling::panic", "{thread}: {info}\n{backtrace}");
    } else {
        tracing::error!(target: "streeling::panic", "{thread}: {info}");
    }
}

/// JSON with the id of the thread's current request.
struct JsonFormat(Format<Json>);

impl<S, N> FormatEvent<S, N> for JsonFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(line.strip_suffix("}\n").unwrap_or(&line))?;
        // Ids need no escapes.
        if let Some(request) = RequestContext::current() {
            write!(writer, ",\"request_id\":\"{}\"", request.id)?;
            if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
                write!(writer, ",\"trace_id\":\"{:032x}\"", trace.trace_id)?;
            }
        }
        writer.write_str("}\n")
    }
}
