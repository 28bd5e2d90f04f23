//! No Rust file is longer than somebody wants to read.

use super::source::Source;

const LONGEST: usize = 500;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.is_rust() && !source.is_generated())
        .filter_map(|source| {
            let lines = source.text.lines().count();
            (lines > LONGEST).then(|| {
                format!(
                    "{}: {lines} lines, at most {LONGEST}: split it by subject",
                    source.path
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn only_long_rust_files_that_are_written_by_hand_are_found() {
        let text = |lines| "//\n".repeat(lines);
        let found = check(&[
            source("a.rs", &text(500)),
            source("b.rs", &text(501)),
            source("b.md", &text(501)),
            source("crates/proto/src/generated/c.rs", &text(501)),
        ]);
        assert_eq!(found, ["b.rs: 501 lines, at most 500: split it by subject"]);
    }
}
