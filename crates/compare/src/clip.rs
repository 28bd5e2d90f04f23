//! Texts that do not get long, whatever a server responds.

use std::fmt::{Display, Write};

/// Characters of one value in a line.
const LIMIT: usize = 1_000;

/// The beginning of `value`; the rest of a long one is not even formatted.
pub(crate) fn clip(value: impl Display) -> String {
    let mut clipped = Clipped {
        text: String::new(),
        left: LIMIT,
    };
    if write!(clipped, "{value}").is_err() {
        clipped.text.push('…');
    }
    clipped.text
}

struct Clipped {
    text: String,
    left: usize,
}

impl Write for Clipped {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let Some((end, _)) = text.char_indices().nth(self.left) else {
            self.left -= text.chars().count();
            self.text.push_str(text);
            return Ok(());
        };
        self.text.push_str(&text[..end]);
        self.left = 0;
        // The only way to tell who writes to stop.
        Err(std::fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut() {
        let whole = "é".repeat(LIMIT);
        assert_eq!(clip(&whole), whole);
        assert_eq!(clip(format_args!("{whole}x")), format!("{whole}…"));
        assert_eq!(clip(format_args!("a{whole}")).chars().count(), LIMIT + 1);
    }
}
