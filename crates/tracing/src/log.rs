//! The log on standard error. Every line that belongs to a request has its id.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, stderr};
use std::sync::OnceLock;

use streeling_core::{MetricSource, RequestContext};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::sink::Sink;

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

static LOG: OnceLock<Sink> = OnceLock::new();

/// Flushes the log when it is dropped: waits until the last lines are written, for at most a
/// second.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        flush_log();
    }
}

/// Sends the log to standard error until the process exits. Call it once.
///
/// # Errors
///
/// When the system cannot start the thread that writes it.
pub fn init_log(config: LogConfig) -> io::Result<LogGuard> {
    let sink = Sink::start("standard error", stderr())?;
    // The default hook writes to the stream directly: it could block, and its lines have another
    // format.
    std::panic::set_hook(Box::new(log_panic));
    let sink = LOG.get_or_init(|| sink).clone();
    // Libraries' events below INFO are of no use to the users of a server.
    let filter = Targets::new()
        .with_default(config.level.min(LevelFilter::INFO))
        .with_target("streeling", config.level);
    let registry = tracing_subscriber::registry().with(filter);
    let format = Format::default().with_ansi(stderr().is_terminal());
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(stderr().is_terminal())
        .with_writer(sink);
    match config.format {
        LogFormat::Text => registry
            .with(layer.event_format(WithRequestId::text(format)))
            .init(),
        LogFormat::Json => {
            let format = format.json().flatten_event(true).with_ansi(false);
            registry
                .with(layer.json().event_format(WithRequestId::json(format)))
                .init();
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

/// Waits until the log is written, for at most a second. For a process that exits without dropping
/// its [`LogGuard`].
pub fn flush_log() {
    if let Some(log) = LOG.get() {
        log.flush();
    }
}

/// The number of lines of the log that were dropped; `None` before [`init_log`].
#[must_use]
pub fn log_metric_source() -> Option<MetricSource> {
    LOG.get().map(Sink::metric_source)
}

/// A format that adds the id of the thread's current request.
struct WithRequestId<F> {
    inner: F,
    /// The end of the inner format's lines; the request id is inserted before it.
    end: &'static str,
    /// Replaces a line feed within a message.
    line_feed: &'static str,
    write: fn(&mut String, &RequestContext),
}

impl<F> WithRequestId<F> {
    /// Further lines of a message are indented, so that the text of a client or a component cannot
    /// look like a line of the server's.
    fn text(inner: F) -> Self {
        Self {
            inner,
            end: "\n",
            line_feed: "\n    ",
            write: |line, request| {
                // Writing to a string does not fail.
                let _ = write!(line, " request_id={}", request.id);
                if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
                    let _ = write!(line, " trace_id={:032x}", trace.trace_id);
                }
            },
        }
    }

    /// JSON of one line contains no line feeds, and ids need no escapes.
    fn json(inner: F) -> Self {
        Self {
            inner,
            end: "}\n",
            line_feed: "\n",
            write: |line, request| {
                let _ = write!(line, ",\"request_id\":\"{}\"", request.id);
                if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
                    let _ = write!(line, ",\"trace_id\":\"{:032x}\"", trace.trace_id);
                }
            },
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithRequestId<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        let start = line.strip_suffix(self.end).map(str::len);
        line.truncate(start.unwrap_or(line.len()));
        let mut parts = line.split('\n');
        writer.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            writer.write_str(self.line_feed)?;
            writer.write_str(part)?;
        }
        if let Some(request) = RequestContext::current() {
            let mut ids = String::new();
            (self.write)(&mut ids, &request);
            writer.write_str(&ids)?;
        }
        writer.write_str(self.end)
    }
}
