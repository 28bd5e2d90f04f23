//! How far a run has come.

use std::io::{IsTerminal as _, Write as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, plain lines elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    plain: bool,
}

impl Progress {
    pub(super) fn new(groups: usize) -> Self {
        let plain = !stderr().is_terminal();
        let bar = if plain {
            ProgressBar::hidden()
        } else {
            ProgressBar::no_length()
        };
        bar.set_length(u64::try_from(groups).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, plain }
    }

    pub(super) fn advance(&self, group: &str) {
        self.bar.inc(1);
        self.bar.set_message(group.to_owned());
        if self.plain {
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            // A closed standard error has no reader.
            let _ = writeln!(stderr(), "{done}/{all} {group}");
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
