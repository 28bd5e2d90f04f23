//! What a server writes down about itself: the log, the access log, and traces.
//!
//! No transport is known here, and neither are settings or Python.

mod access;
mod log;
mod sink;

pub use access::AccessLog;
pub use log::{LogConfig, LogFormat, LogGuard, flush_log, init_log, log_figures};
pub use tracing::level_filters::LevelFilter;
