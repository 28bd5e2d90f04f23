//! A page and its translation have the same headings, by their levels, and the same code.

use super::markdown::parse;
use super::source::Source;

const PAIRS: [(&str, &str); 1] = [("README.md", "README.zh.md")];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let text = |path| {
        let source = sources.iter().find(|source| source.path == path);
        source.map(|source| source.text.as_str())
    };
    let mut faults = Vec::new();
    for (page, translation) in PAIRS {
        match (text(page), text(translation)) {
            (Some(one), Some(other)) => faults.extend(
                differences(one, other)
                    .into_iter()
                    .map(|fault| format!("{translation}: {fault} (see {page})")),
            ),
            _ => faults.push(format!("{page} and {translation} belong together")),
        }
    }
    faults
}

fn differences(page: &str, translation: &str) -> Vec<String> {
    let (page, translation) = (parse(page), parse(translation));
    let levels = |headings: &[(usize, &str)]| -> Vec<usize> {
        headings.iter().map(|(level, _)| *level).collect()
    };
    let (expected, found) = (levels(&page.headings), levels(&translation.headings));
    let mut faults = Vec::new();
    if expected != found {
        faults.push(format!(
            "headings of the levels {found:?} instead of {expected:?}"
        ));
    }
    if page.blocks.len() != translation.blocks.len() {
        faults.push(format!(
            "{} blocks of code instead of {}",
            translation.blocks.len(),
            page.blocks.len()
        ));
    }
    let pairs = page.blocks.iter().zip(&translation.blocks);
    faults.extend(
        pairs
            .filter(|(expected, found)| expected != found)
            .map(|(expected, found)| {
                format!("another block of code:\n{found}\ninstead of\n{expected}")
            }),
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    const PAGE: &str = "# Streeling\n```sh\nls\n```\n## Two\n";

    #[test]
    fn a_translation_has_the_same_headings_and_code() {
        let check_with = |text| check(&[source("README.md", PAGE), source("README.zh.md", text)]);
        assert_eq!(check_with("# 中\n```sh\nls\n```\n## 二\n"), [""; 0]);
        for (text, part) in [
            ("# 中\n```sh\nls\n```\n", "levels [1] instead of [1, 2]"),
            ("# 中\n```sh\nls -l\n```\n## 二\n", "another block of code"),
            ("# 中\n## 二\n", "0 blocks of code instead of 1"),
        ] {
            let found = check_with(text);
            assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
        }
        assert_eq!(check(&[source("README.md", PAGE)]).len(), 1);
    }
}
