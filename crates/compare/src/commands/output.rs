//! What a tool says while it runs.

use std::io::{self, IsTerminal as _, Write as _, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints on standard output.
///
/// # Errors
///
/// Those of [`written`].
pub(super) fn print(text: &str) -> Result<(), String> {
    let mut out = stdout().lock();
    // What is left in the buffer would be written at the end of the process, where errors are
    // passed over.
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What has become of writing. A reader that has gone away, as `head` does, is no fault.
///
/// # Errors
///
/// The text cannot be written, as on a full disk.
pub(super) fn written(result: io::Result<()>) -> Result<(), String> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Prints an error, or what else must not get into the output.
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
