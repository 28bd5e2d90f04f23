//! What a tool says while it runs.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints on standard output.
pub(super) fn print(text: &str) {
    // A reader that has gone away is no fault.
    let _ = stdout().write_all(text.as_bytes());
}

/// Prints an error.
pub(super) fn complain(text: &str) {
    // Where standard error is closed, nothing can be said.
    let _ = writeln!(stderr(), "streeling: {}", text.trim_end());
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(requests: usize) -> ProgressBar {
    let bar = if stderr().is_terminal() {
        ProgressBar::no_length()
    } else {
        ProgressBar::hidden()
    };
    bar.set_length(u64::try_from(requests).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}
