//! Relative links of pages lead to files and headings that are there. Those to other sites are not
//! followed: a check needs no network.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::markdown::{parse, targets};
use super::source::Source;
use crate::shell::root;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    faults(sources, |path| root().join(path).exists())
}

fn faults(sources: &[Source], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let pages: BTreeMap<&str, Vec<String>> = sources
        .iter()
        .filter(|source| source.is_markdown())
        .map(|source| (source.path.as_str(), anchors(&source.text)))
        .collect();
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.is_markdown()) {
        for (number, line) in parse(&source.text).prose {
            for target in targets(line) {
                if let Some(fault) = fault(&source.path, &target, &pages, &exists) {
                    faults.push(format!("{}:{number}: {fault}", source.path));
                }
            }
        }
    }
    faults
}

fn fault(
    from: &str,
    target: &str,
    pages: &BTreeMap<&str, Vec<String>>,
    exists: impl Fn(&Path) -> bool,
) -> Option<String> {
    // Other sites, and items of Rust in a README that rustdoc shows.
    if target.contains(':') {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent()?;
    let Some(path) = (match path {
        "" => Some(PathBuf::from(from)),
        path => within_root(&folder.join(path)),
    }) else {
        return Some(format!("`{target}` leads out of the repository"));
    };
    if !exists(&path) {
        return Some(format!("`{target}` leads to no file: {}", path.display()));
    }
    // A folder, or a file that has no headings.
    let anchors = pages.get(path.to_str()?)?;
    if anchor.is_empty() || anchors.iter().any(|known| known == anchor) {
        return None;
    }
    Some(format!(
        "`{target}` leads to no heading of {}: it has {}",
        path.display(),
        anchors.join(", ")
    ))
}

/// The path without `..`; `None` for one that leads out of the root.
fn within_root(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let is_within = match part {
            Component::ParentDir => clean.pop(),
            Component::CurDir => true,
            Component::Normal(name) => {
                clean.push(name);
                true
            }
            Component::RootDir | Component::Prefix(_) => false,
        };
        if !is_within {
            return None;
        }
    }
    Some(clean)
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut counts = BTreeMap::<String, usize>::new();
    for (_, heading) in parse(text).headings {
        let slug: String = words(heading)
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = counts.entry(slug.clone()).or_default();
        anchors.push(match *count {
            0 => slug,
            count => format!("{slug}-{count}"),
        });
        *count += 1;
    }
    anchors
}

/// The heading without the targets of its links.
fn words(heading: &str) -> String {
    let mut words = String::new();
    let mut rest = heading;
    while let Some((before, target)) = rest.split_once("](") {
        words.push_str(before);
        rest = target.split_once(')').map_or("", |(_, after)| after);
    }
    words + rest
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn a_link_to_what_is_not_there_is_found() {
        let text = "# Top\n[a](b.md#part-two), [b](missing.md), [c](b.md#three)\n\
                    [d](../../x.md) [e](#top) [f](https://example.org/no) [g](../c)\n\
                    ```\n[h](missing.md)\n```\n[i](crate::Item)\n";
        let pages = [
            source("docs/a.md", text),
            source("docs/b.md", "## Part two\n"),
        ];
        let there = ["docs/a.md", "docs/b.md", "c"];
        let found = faults(&pages, |path| {
            there.iter().any(|one| Path::new(one) == path)
        });
        assert_eq!(
            found,
            [
                "docs/a.md:2: `missing.md` leads to no file: docs/missing.md",
                "docs/a.md:2: `b.md#three` leads to no heading of docs/b.md: it has part-two",
                "docs/a.md:3: `../../x.md` leads out of the repository",
            ]
        );
    }

    #[test]
    fn anchors_are_those_of_the_site() {
        assert_eq!(
            anchors(
                "# From A to B, in `five` minutes\n## gRPC/REST (1.5)\n## x\n## x\n## 中文 页\n\
                 ## [a b](c.md) d\n"
            ),
            [
                "from-a-to-b-in-five-minutes",
                "grpcrest-15",
                "x",
                "x-1",
                "中文-页",
                "a-b-d"
            ]
        );
    }
}
