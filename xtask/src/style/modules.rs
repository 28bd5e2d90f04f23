//! Modules of a crate must not import each other in a circle.
//!
//! A node is a file; inline modules belong to the file that they are in. A file depends on the file
//! that defines what it names, through whatever re-exports. Three things make no edge: `mod`
//! declarations, re-exports of what a module's own children define, and anything for tests only.

mod circles;
mod parse;
mod tree;

use std::collections::BTreeMap;

use super::source::Source;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let files: BTreeMap<&str, &str> = sources
        .iter()
        .filter(|source| source.is_rust())
        .map(|source| (source.path.as_str(), source.text.as_str()))
        .collect();
    let roots = files
        .keys()
        .filter(|path| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs"));
    roots.flat_map(|root| check_crate(root, &files)).collect()
}

fn check_crate(root: &str, files: &BTreeMap<&str, &str>) -> Vec<String> {
    let tree = match tree::Tree::read(root, files) {
        Ok(tree) => tree,
        Err(fault) => return vec![fault],
    };
    let edges = tree.edges();
    let name = |node: usize| tree.name(node);
    circles::shortest(edges.keys().copied())
        .into_iter()
        .map(|circle| {
            let pairs: Vec<_> = circle.iter().zip(circle.iter().cycle().skip(1)).collect();
            let names: Vec<_> = circle
                .iter()
                .chain(circle.first())
                .map(|node| name(*node))
                .collect();
            let mut fault = format!(
                "{root}: modules import each other in a circle: {}\n  move what both need into a \
                 module of its own, below both",
                names.join(" -> ")
            );
            for (from, to) in pairs {
                let place = &edges[&(*from, *to)];
                fault.push_str(&format!("\n  {} -> {}: {place}", name(*from), name(*to)));
            }
            fault
        })
        .collect()
}

#[cfg(test)]
mod tests;
