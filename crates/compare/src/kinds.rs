//! Many findings, gathered to a few kinds.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Characters of a line that tell a kind.
const LENGTH: usize = 160;

/// A line that stands for its kind: without what is peculiar to one finding, its numbers.
#[must_use]
pub fn kind(line: &str) -> String {
    let mut plain = String::new();
    for c in line.chars().take(LENGTH) {
        match c {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            '\n' => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// What was found by its kind, the frequent kinds first.
pub fn by_kind<T>(found: &[T], kind: impl Fn(&T) -> String) -> Vec<(String, Vec<&T>)> {
    let mut kinds: BTreeMap<String, Vec<&T>> = BTreeMap::new();
    for one in found {
        kinds.entry(kind(one)).or_default().push(one);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, found)| Reverse(found.len()));
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_make_a_kind() {
        let lines = ["b", "$[7]: 1.5", "$[12]: 33.25"];
        let kinds = by_kind(&lines, |line| kind(line));
        let expected = [
            ("$[#]: #.#".to_owned(), vec![&lines[1], &lines[2]]),
            ("b".to_owned(), vec![&lines[0]]),
        ];
        assert_eq!(kinds, expected);
    }
}
