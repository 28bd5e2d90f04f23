//! The log, as the settings want it.

use std::io;
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
use std::net::SocketAddr;

use streeling_config::{Log, LogLevel};
use streeling_tracing::{LevelFilter, LogConfig, LogFormat, LogGuard};

/// Sends the log to standard error in the format of the settings. Call it once, and keep the guard
/// until the end.
///
/// # Errors
///
/// When the system gives no thread to write it.
pub fn init(log: &Log) -> io::Result<LogGuard> {
    streeling_tracing::init_log(LogConfig {
        level: match log.level {
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Warning => LevelFilter::WARN,
            LogLevel::Error => LevelFilter::ERROR,
        },
        format: format(log),
    })
}

pub(crate) fn format(log: &Log) -> LogFormat {
    match log.format {
        streeling_config::LogFormat::Text => LogFormat::Text,
        streeling_config::LogFormat::Json => LogFormat::Json,
    }
}

/// Logs where something is served; tests and scripts that set port 0 read the port there.
#[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
pub(crate) fn announce(what: &str, scheme: &str, address: SocketAddr) {
    tracing::info!("serving {what} at {scheme}://{address}");
}
