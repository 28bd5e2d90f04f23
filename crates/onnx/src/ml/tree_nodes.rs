//! Trees as tables of nodes, read from attributes and checked.

use std::collections::HashMap;
use std::ops::Range;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{TractResult, bail, ensure};

use super::attributes::{floats_or_tensor, indices};

/// What a branch compares a feature with its threshold by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Branch {
        feature: usize,
        comparison: Comparison,
        threshold: f64,
        /// Whether a number that is missing (NaN) goes where the comparison holds.
        missing_holds: bool,
        holds: usize,
        fails: usize,
    },
    /// Its weights.
    Leaf(Range<usize>),
}

/// What a leaf adds to the score of a class or a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weight {
    pub(super) target: usize,
    pub(super) weight: f64,
}

/// Trees whose branches all lead to leaves.
#[derive(Debug)]
pub(super) struct Trees {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    pub(super) weights: Vec<Weight>,
    /// How many columns a row must have.
    pub(super) columns: usize,
}

impl Trees {
    /// Those of a node; its weights have names that start with `class` or `target`.
    pub(super) fn read(
        context: &ParsingContext<'_>,
        node: &NodeProto,
        kind: &str,
        targets: usize,
    ) -> TractResult<Self> {
        let tree_ids = indices(node, "nodes_treeids")?;
        let node_ids = indices(node, "nodes_nodeids")?;
        let ids: Vec<_> = tree_ids.iter().copied().zip(node_ids).collect();
        let places: HashMap<_, _> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        ensure!(places.len() == ids.len(), "two nodes have the same number");

        let mut weights = read_weights(context, node, kind, targets)?;
        // Those of a leaf side by side, in the order in which the file has them.
        weights.sort_by_key(|(id, _)| *id);
        let mut leaves: HashMap<_, Range<usize>> = HashMap::new();
        for (at, (id, _)) in weights.iter().enumerate() {
            ensure!(
                places.contains_key(id),
                "a weight is for node {} of tree {}, which is not there",
                id.1,
                id.0
            );
            leaves.entry(*id).or_insert(at..at).end = at + 1;
        }

        let features = list(
            indices(node, "nodes_featureids")?,
            ids.len(),
            "nodes_featureids",
        )?;
        let holds = list(
            indices(node, "nodes_truenodeids")?,
            ids.len(),
            "nodes_truenodeids",
        )?;
        let fails = list(
            indices(node, "nodes_falsenodeids")?,
            ids.len(),
            "nodes_falsenodeids",
        )?;
        let values = floats_or_tensor(context, node, "nodes_values")?;
        let values = list(values, ids.len(), "nodes_values")?;
        let modes = node.get_attr_vec::<&str>("nodes_modes")?;
        let modes = list(modes, ids.len(), "nodes_modes")?;
        let missing = indices(node, "nodes_missing_value_tracks_true")?;
        let place = |tree: usize, id: usize| match places.get(&(tree, id)) {
            Some(place) => Ok(*place),
            None => bail!("tree {tree} has no node {id}, to which a branch leads"),
        };
        let mut nodes = Vec::with_capacity(ids.len());
        let mut columns = 0;
        for (at, id) in ids.iter().enumerate() {
            nodes.push(match comparison(modes[at])? {
                None => Node::Leaf(leaves.get(id).cloned().unwrap_or(0..0)),
                Some(comparison) => {
                    columns = columns.max(features[at] + 1);
                    Node::Branch {
                        feature: features[at],
                        comparison,
                        threshold: values[at],
                        missing_holds: missing.get(at).is_some_and(|flag| *flag != 0),
                        holds: place(id.0, holds[at])?,
                        fails: place(id.0, fails[at])?,
                    }
                }
            });
        }
        let roots = roots(&nodes, &tree_ids)?;
        let weights = weights.into_iter().map(|(_, weight)| weight).collect();
        Ok(Self {
            nodes,
            roots,
            weights,
            columns,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.roots.len()
    }

    /// The weights of the leaf of each tree that a row comes to.
    pub(super) fn leaves<'a>(&'a self, row: &'a [f64]) -> impl Iterator<Item = &'a [Weight]> {
        self.roots.iter().map(|root| {
            let mut at = *root;
            loop {
                match &self.nodes[at] {
                    Node::Leaf(range) => return &self.weights[range.clone()],
                    Node::Branch {
                        feature,
                        comparison,
                        threshold,
                        missing_holds,
                        holds,
                        fails,
                    } => {
                        let value = row[*feature];
                        let is_so = comparison.holds(value, *threshold)
                            || (*missing_holds && value.is_nan());
                        at = if is_so { *holds } else { *fails };
                    }
                }
            }
        })
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "the operator compares the very numbers")]
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::LessOrEqual => value <= threshold,
            Self::Less => value < threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}

/// `None` for a leaf.
fn comparison(mode: &str) -> TractResult<Option<Comparison>> {
    Ok(Some(match mode {
        "LEAF" => return Ok(None),
        "BRANCH_LEQ" => Comparison::LessOrEqual,
        "BRANCH_LT" => Comparison::Less,
        "BRANCH_GTE" => Comparison::GreaterOrEqual,
        "BRANCH_GT" => Comparison::Greater,
        "BRANCH_EQ" => Comparison::Equal,
        "BRANCH_NEQ" => Comparison::NotEqual,
        other => bail!("the mode {other} of a node is not implemented"),
    }))
}

fn list<T>(list: Vec<T>, length: usize, name: &str) -> TractResult<Vec<T>> {
    ensure!(
        list.len() == length,
        "{name} has {} entries for {length} nodes",
        list.len()
    );
    Ok(list)
}

/// Each with the tree and the node that it belongs to.
fn read_weights(
    context: &ParsingContext<'_>,
    node: &NodeProto,
    kind: &str,
    targets: usize,
) -> TractResult<Vec<((usize, usize), Weight)>> {
    let tree_ids = indices(node, &format!("{kind}_treeids"))?;
    let node_ids = indices(node, &format!("{kind}_nodeids"))?;
    let ids = indices(node, &format!("{kind}_ids"))?;
    let weights = floats_or_tensor(context, node, &format!("{kind}_weights"))?;
    let count = tree_ids.len();
    ensure!(
        [node_ids.len(), ids.len(), weights.len()] == [count; 3],
        "the lists of {kind}_ids and {kind}_weights differ in length"
    );
    if let Some(target) = ids.iter().find(|target| **target >= targets) {
        bail!("a weight is for {kind} {target} of {targets}");
    }
    let weights = ids
        .into_iter()
        .zip(weights)
        .map(|(target, weight)| Weight { target, weight });
    Ok(tree_ids.into_iter().zip(node_ids).zip(weights).collect())
}

/// The nodes that no branch leads to, one of each tree. Every other has one branch that leads to
/// it, so that no way through a tree is endless.
fn roots(nodes: &[Node], tree_ids: &[usize]) -> TractResult<Vec<usize>> {
    let mut parents = vec![0_usize; nodes.len()];
    for node in nodes {
        if let Node::Branch { holds, fails, .. } = node {
            parents[*holds] += 1;
            if fails != holds {
                parents[*fails] += 1;
            }
        }
    }
    let roots: Vec<usize> = (0..nodes.len()).filter(|at| parents[*at] == 0).collect();
    let mut trees: Vec<usize> = tree_ids.to_vec();
    trees.sort_unstable();
    trees.dedup();
    let mut rooted: Vec<usize> = roots.iter().map(|root| tree_ids[*root]).collect();
    rooted.sort_unstable();
    ensure!(
        rooted == trees && !trees.is_empty() && parents.iter().all(|count| *count <= 1),
        "its nodes are no trees"
    );
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(holds: usize, fails: usize) -> Node {
        Node::Branch {
            feature: 0,
            comparison: Comparison::LessOrEqual,
            threshold: 1.0,
            missing_holds: true,
            holds,
            fails,
        }
    }

    #[test]
    fn a_row_comes_to_one_leaf_of_each_tree() {
        let weight = |target, weight| Weight { target, weight };
        let trees = Trees {
            nodes: vec![
                branch(1, 2),
                Node::Leaf(0..1),
                Node::Leaf(1..3),
                Node::Leaf(3..3),
            ],
            roots: vec![0, 3],
            weights: vec![weight(0, 0.5), weight(0, 1.5), weight(1, 2.5)],
            columns: 1,
        };
        for (value, expected) in [(1.0, 0..1), (1.1, 1..3), (f64::NAN, 0..1)] {
            let row = [value];
            let leaves: Vec<_> = trees.leaves(&row).collect();
            assert_eq!(leaves, [&trees.weights[expected], &[]], "{value}");
        }
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let leaf = || Node::Leaf(0..0);
        let good = [branch(1, 2), leaf(), leaf(), leaf()];
        assert_eq!(roots(&good, &[0, 0, 0, 1]).unwrap(), [0, 3]);
        for (nodes, tree_ids) in [
            // A circle.
            (vec![branch(1, 1), branch(0, 0)], vec![0, 0]),
            // Two roots of one tree; two ways to one leaf; nothing.
            (vec![leaf(), leaf()], vec![0, 0]),
            (vec![branch(1, 2), branch(2, 3), leaf(), leaf()], vec![0; 4]),
            (vec![], vec![]),
        ] {
            let error = roots(&nodes, &tree_ids).unwrap_err();
            assert_eq!(error.to_string(), "its nodes are no trees", "{nodes:?}");
        }
    }

    #[test]
    fn comparisons_have_the_names_of_the_operator() {
        for (mode, below, same, above) in [
            ("BRANCH_LEQ", true, true, false),
            ("BRANCH_LT", true, false, false),
            ("BRANCH_GTE", false, true, true),
            ("BRANCH_GT", false, false, true),
            ("BRANCH_EQ", false, true, false),
            ("BRANCH_NEQ", true, false, true),
        ] {
            let comparison = comparison(mode).unwrap().unwrap();
            let found = [0.0, 1.0, 2.0].map(|value| comparison.holds(value, 1.0));
            assert_eq!(found, [below, same, above], "{mode}");
        }
        assert_eq!(comparison("LEAF").unwrap(), None);
        assert!(comparison("BRANCH_MEMBER").is_err());
    }
}
