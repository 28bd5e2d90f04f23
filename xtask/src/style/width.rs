//! Lines of Rust and Markdown end at 100 columns, of which a Chinese character takes two.

use unicode_width::UnicodeWidthStr as _;

use super::source::Source;

const WIDEST: usize = 100;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.is_markdown() || source.is_rust() && !source.is_generated())
        .flat_map(|source| {
            let numbered = source.text.lines().zip(1..);
            numbered.filter_map(move |(line, number)| fault(source, line, number))
        })
        .collect()
}

fn fault(source: &Source, line: &str, number: usize) -> Option<String> {
    let width = line.width();
    if width <= WIDEST {
        return None;
    }
    let start = line.trim_start();
    let is_table = source.is_markdown() && start.starts_with('|');
    let has_links = source.is_markdown() || start.starts_with("//");
    let prose = start.trim_start_matches(['/', '!', ' ']);
    let is_definition = has_links && prose.starts_with('[') && prose.contains("]: ");
    if is_table || is_definition || without_targets(line, has_links).width() <= WIDEST {
        return None;
    }
    let cure = if source.is_rust() {
        "wrap it by hand where `cargo fmt` does not: comments and string literals (with `\\`)"
    } else {
        "wrap it; only tables and links may be longer"
    };
    Some(format!(
        "{}:{number}: {width} columns, at most {WIDEST}: {cure}",
        source.path
    ))
}

/// The line without what cannot be broken: URLs, and the targets of Markdown links.
fn without_targets(line: &str, has_links: bool) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((start, after)) = next_target(rest, has_links) {
        kept.push_str(&rest[..start]);
        let end = rest[after..]
            .find(|c: char| c.is_whitespace() || "<>()\"`".contains(c))
            .map_or(rest.len(), |length| after + length);
        rest = &rest[end..];
    }
    kept + rest
}

/// Where the next target starts, and where its text does.
fn next_target(text: &str, has_links: bool) -> Option<(usize, usize)> {
    let marks: &[&str] = if has_links {
        &["https://", "http://", "]("]
    } else {
        &["https://", "http://"]
    };
    let found = marks
        .iter()
        .filter_map(|mark| Some((text.find(mark)?, mark.len())));
    let (start, length) = found.min()?;
    Some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    fn count(path: &str, line: &str) -> usize {
        check(&[source(path, &format!("{line}\n"))]).len()
    }

    #[test]
    fn columns_are_counted_and_not_bytes_or_characters() {
        assert_eq!(count("a.md", &"中".repeat(50)), 0);
        assert_eq!(count("a.md", &"中".repeat(51)), 1);
        assert_eq!(count("a.md", &"é".repeat(100)), 0);
        assert_eq!(count("a.rs", &"é".repeat(100)), 0);
        let found = check(&[source("a.rs", &format!("//\n// {}\n", "é".repeat(98)))]);
        assert!(
            found.len() == 1 && found[0].starts_with("a.rs:2: 101 columns, at most 100: "),
            "{found:?}"
        );
    }

    #[test]
    fn tables_are_free_in_markdown_alone() {
        let row = format!("| {} |", "a ".repeat(60));
        assert_eq!((count("a.md", &row), count("a.rs", &row)), (0, 1));
    }

    #[test]
    fn a_link_may_be_long_and_the_words_beside_it_may_not() {
        let url = format!("https://example.org/{}", "a".repeat(90));
        let words = "word ".repeat(21);
        for (line, faults) in [
            (format!("See <{url}>, which says more."), 0),
            (format!("See <{url}>. {words}"), 1),
            (format!("{words}<{url}>"), 1),
            (
                format!("[the page](docs/{}.md) says more", "a".repeat(90)),
                0,
            ),
            (format!("[{words}](docs/a.md)"), 1),
            (format!("[page]: docs/{}.md", "a".repeat(90)), 0),
        ] {
            assert_eq!(count("a.md", &line), faults, "{line}");
            assert_eq!(count("a.rs", &format!("/// {line}")), faults, "{line}");
        }
        assert_eq!(count("a.rs", &format!("const URL: &str = \"{url}\";")), 0);
        let call = format!("    values[0]({});", "argument, ".repeat(9));
        assert_eq!(count("a.rs", &call), 1);
    }

    #[test]
    fn other_files_and_generated_ones_may_be_as_wide_as_they_like() {
        let line = "a ".repeat(60);
        assert_eq!(count("a.py", &line), 0);
        assert_eq!(count("crates/proto/src/generated/a.rs", &line), 0);
        assert_eq!(count("crates/proto/src/a.rs", &line), 1);
    }
}
