//! What every exporter implements.

use std::io;
use std::time::Duration;

use super::record::Span;

/// Why spans cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system could not start the thread, or the runtime of the exporter.
    #[error("cannot start the thread that sends spans: {0}")]
    Thread(#[source] io::Error),
    /// The exporter refused its configuration.
    #[error("cannot send spans to {backend}: {reason}")]
    Backend {
        /// Where spans were to be sent.
        backend: String,
        /// What it refused.
        reason: String,
    },
}

/// Sends spans in the format of one backend.
pub(super) trait Export: Send {
    /// Returns within about the timeout, except where resolving a name takes longer.
    fn export(&mut self, spans: Vec<Span>, timeout: Duration) -> Result<(), String>;

    /// How many exports in a row must succeed until a backend that had failed counts as recovered.
    fn recovery_threshold(&self) -> u32;

    /// A description of the backend for the log.
    fn backend(&self) -> String;
}
