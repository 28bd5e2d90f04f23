//! The log on standard error: every line that belongs to a request names it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, stderr};
use std::sync::OnceLock;

use streeling_core::{Call, Figures};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::sink::Sink;

/// What the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least level of our own events; those of libraries are shown from INFO on at most.
    pub level: LevelFilter,
    /// Form of the lines.
    pub format: LogFormat,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

static LOG: OnceLock<Sink> = OnceLock::new();

/// Keeps the log: dropped, it waits until the last lines are written, for at most a second.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        flush_log();
    }
}

/// Sends the log to standard error, until the process ends. Call it once.
///
/// # Errors
///
/// When the system gives no thread to write it.
pub fn init_log(config: LogConfig) -> io::Result<LogGuard> {
    let sink = Sink::start("standard error", stderr())?;
    // The one that is there writes by itself: it would wait for the stream, in a form of its own.
    std::panic::set_hook(Box::new(panicked));
    let sink = LOG.get_or_init(|| sink).clone();
    // Libraries below us have nothing to say to a user at DEBUG.
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
            .with(layer.event_format(Named::text(format)))
            .init(),
        LogFormat::Json => {
            let format = format.json().flatten_event(true).with_ansi(false);
            registry
                .with(layer.json().event_format(Named::json(format)))
                .init();
        }
    }
    Ok(LogGuard(()))
}

/// Says in the log what panicked, as any other error.
fn panicked(info: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("a thread");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(target: "streeling::panic", "{thread}: {info}\n{backtrace}");
    } else {
        tracing::error!(target: "streeling::panic", "{thread}: {info}");
    }
}

/// Waits until the log is written, for at most a second, where the process ends without more ado.
pub fn flush_log() {
    if let Some(log) = LOG.get() {
        log.flush();
    }
}

/// How many lines of the log were dropped; `None` before [`init_log`].
#[must_use]
pub fn log_figures() -> Option<Figures> {
    LOG.get().map(Sink::figures)
}

/// A format that adds the request that the thread is at work on.
struct Named<F> {
    inner: F,
    /// What the inner format ends a line with; the request goes before it.
    end: &'static str,
    /// What stands for a line feed within a line.
    feed: &'static str,
    write: fn(&mut String, &Call),
}

impl<F> Named<F> {
    /// Lines of a text behind its first are set in, so that what a client or a component says cannot look like a
    /// line of the server's.
    fn text(inner: F) -> Self {
        Self {
            inner,
            end: "\n",
            feed: "\n    ",
            write: |line, call| {
                // Writing to a string does not fail.
                let _ = write!(line, " request_id={}", call.id);
                if let Some(trace) = call.trace.filter(|trace| trace.sampled) {
                    let _ = write!(line, " trace_id={:032x}", trace.trace_id);
                }
            },
        }
    }

    /// There are no line feeds in JSON of one line, and ids are words that need no escape.
    fn json(inner: F) -> Self {
        Self {
            inner,
            end: "}\n",
            feed: "\n",
            write: |line, call| {
                let _ = write!(line, ",\"request_id\":\"{}\"", call.id);
                if let Some(trace) = call.trace.filter(|trace| trace.sampled) {
                    let _ = write!(line, ",\"trace_id\":\"{:032x}\"", trace.trace_id);
                }
            },
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
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
            writer.write_str(self.feed)?;
            writer.write_str(part)?;
        }
        if let Some(call) = Call::current() {
            let mut named = String::new();
            (self.write)(&mut named, &call);
            writer.write_str(&named)?;
        }
        writer.write_str(self.end)
    }
}
