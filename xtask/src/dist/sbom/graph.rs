//! Which package needs which, from `cargo tree --prefix depth`. It resolves features for one
//! package, where `cargo metadata` does so for the whole workspace.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Debug, Default)]
pub(super) struct Graph(BTreeMap<Package, BTreeSet<Package>>);

impl Graph {
    /// Adds what a tree shows. What a package needs is listed where it stands first; later its line
    /// ends with a mark.
    pub(super) fn read(&mut self, tree: &str) -> anyhow::Result<()> {
        let mut above: Vec<Package> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, package) =
                parse(line).with_context(|| format!("cargo tree has an unknown line: {line}"))?;
            above.truncate(depth);
            match above.last() {
                Some(parent) => self.add(parent, &package),
                None => {
                    self.0.entry(package.clone()).or_default();
                }
            }
            above.push(package);
        }
        anyhow::ensure!(!self.0.is_empty(), "cargo tree shows nothing");
        Ok(())
    }

    /// One package needs another.
    pub(super) fn add(&mut self, package: &Package, needed: &Package) {
        self.0.entry(needed.clone()).or_default();
        let all = self.0.entry(package.clone()).or_default();
        all.insert(needed.clone());
    }

    /// Each package with those that it needs.
    pub(super) fn packages(&self) -> impl Iterator<Item = (&Package, &BTreeSet<Package>)> {
        self.0.iter()
    }
}

/// A depth, and the package after it, as in `12itoa v1.0.19 (*)`.
fn parse(line: &str) -> Option<(usize, Package)> {
    let end = line.find(|letter: char| !letter.is_ascii_digit())?;
    let (depth, rest) = line.split_at(end);
    let mut words = rest.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth.parse().ok()?, Package { name, version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        Package {
            name: name.into(),
            version: "1.0.0".into(),
        }
    }

    #[test]
    fn a_tree_is_read_with_what_it_shows_once_only() {
        let tree = "0server v1.0.0 (/somewhere/server)\n\
                    1a v1.0.0\n\
                    2b v1.0.0\n\
                    3c v1.0.0\n\
                    1b v1.0.0 (*)\n\
                    1d v1.0.0\n";
        let mut graph = Graph::default();
        graph.read(tree).unwrap();
        let found: Vec<(&Package, Vec<&Package>)> = graph
            .packages()
            .map(|(package, needed)| (package, needed.iter().collect()))
            .collect();
        let [server, a, b, c, d] = ["server", "a", "b", "c", "d"].map(package);
        let expected = vec![
            (&a, vec![&b]),
            (&b, vec![&c]),
            (&c, vec![]),
            (&d, vec![]),
            (&server, vec![&a, &b, &d]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn another_form_is_an_error() {
        for tree in ["", "server v1.0.0", "0server", "0server 1.0.0"] {
            assert!(Graph::default().read(tree).is_err(), "{tree}");
        }
    }
}
