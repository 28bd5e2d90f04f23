//! Circles of a directed graph.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// For every node the shortest circle that it is on, each circle once, from its least node on.
pub(super) fn shortest(edges: impl Iterator<Item = (usize, usize)>) -> BTreeSet<Vec<usize>> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().push(to);
    }
    next.keys()
        .filter_map(|start| circle(*start, &next))
        .map(|mut circle| {
            let least = (0..circle.len()).min_by_key(|at| circle[*at]);
            circle.rotate_left(least.unwrap_or_default());
            circle
        })
        .collect()
}

/// The shortest way from a node back to it.
fn circle(start: usize, next: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<usize>> {
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &to in next.get(&node).into_iter().flatten() {
            if to == start {
                let way = std::iter::successors(Some(node), |node| before.get(node).copied());
                let mut way: Vec<_> = way.collect();
                way.reverse();
                return Some(way);
            }
            if let Entry::Vacant(entry) = before.entry(to) {
                entry.insert(node);
                queue.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
        shortest(edges.iter().copied()).into_iter().collect()
    }

    #[test]
    fn a_graph_without_circles_has_none() {
        assert_eq!(found(&[(0, 1), (0, 2), (1, 3), (2, 3)]), [[0_usize; 0]; 0]);
    }

    #[test]
    fn each_circle_is_found_once_and_the_shortest_counts() {
        assert_eq!(found(&[(2, 1), (1, 0), (0, 2)]), [[0, 2, 1]]);
        assert_eq!(
            found(&[(0, 1), (1, 0), (1, 2), (2, 3), (3, 1), (4, 0)]),
            [vec![0, 1], vec![1, 2, 3]]
        );
    }
}
