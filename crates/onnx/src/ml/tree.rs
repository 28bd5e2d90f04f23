//! `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{TractResult, bail};

use super::attributes::{floats_or_tensor, labels};
use super::by_row::{Built, by_row, classifier};
use super::function::RowFunction;
use super::transform::{Transform, TwoClasses};
use super::tree_nodes::Trees;

/// How the leaves of all trees become one score.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

#[derive(Debug)]
struct Ensemble {
    trees: Trees,
    aggregate: Aggregate,
    /// What each score starts from.
    base: Vec<f64>,
    /// How one score stands for two classes, where it does.
    two: Option<TwoClasses>,
    transform: Transform,
}

pub(super) fn tree_ensemble_classifier(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let labels = labels(node)?;
    let mut trees = Trees::read(context, node, "class", labels.len())?;
    let mut base = floats_or_tensor(context, node, "base_values")?;
    let two = two_classes(&trees, labels.len());
    if two.is_some() {
        trees
            .weights
            .iter_mut()
            .for_each(|weight| weight.target = 0);
        base = base.last().copied().into_iter().collect();
    }
    let scores = if two.is_some() { 1 } else { labels.len() };
    let ensemble = Ensemble {
        trees,
        aggregate: Aggregate::Sum,
        base: checked(base, scores)?,
        two,
        transform: Transform::of(node)?,
    };
    classifier(node, ensemble, labels)
}

pub(super) fn tree_ensemble_regressor(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let targets = node.get_attr_opt("n_targets")?.unwrap_or(1);
    let aggregate = match node.get_attr_opt("aggregate_function")?.unwrap_or("SUM") {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => bail!("aggregate_function is {other}, it must be SUM, AVERAGE, MIN or MAX"),
    };
    let ensemble = Ensemble {
        trees: Trees::read(context, node, "target", targets)?,
        aggregate,
        base: checked(floats_or_tensor(context, node, "base_values")?, targets)?,
        two: None,
        transform: Transform::of(node)?,
    };
    by_row(node, ensemble)
}

/// One score is for both of two classes where all weights are for the same one of them: a
/// probability where none is below zero, else what is above zero for the second.
fn two_classes(trees: &Trees, classes: usize) -> Option<TwoClasses> {
    let target = trees.weights.first()?.target;
    let is_one = classes == 2 && trees.weights.iter().all(|weight| weight.target == target);
    let is_probability = trees.weights.iter().all(|weight| weight.weight >= 0.0);
    is_one.then_some(if is_probability {
        TwoClasses::Complement
    } else {
        TwoClasses::Negative
    })
}

/// As many base values as scores; zeros where there are none.
fn checked(base: Vec<f64>, scores: usize) -> TractResult<Vec<f64>> {
    match base.len() {
        0 => Ok(vec![0.0; scores]),
        length if length == scores => Ok(base),
        length => bail!("{length} base values for {scores} scores"),
    }
}

impl Ensemble {
    fn aggregate(&self, row: &[f64], output: &mut [f64]) {
        let start = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => 0.0,
            Aggregate::Min => f64::INFINITY,
            Aggregate::Max => f64::NEG_INFINITY,
        };
        output.fill(start);
        for weight in self.trees.leaves(row).flatten() {
            let score = &mut output[weight.target];
            *score = match self.aggregate {
                Aggregate::Sum | Aggregate::Average => *score + weight.weight,
                Aggregate::Min => score.min(weight.weight),
                Aggregate::Max => score.max(weight.weight),
            };
        }
        #[expect(clippy::cast_precision_loss, reason = "no ensemble has 2^53 trees")]
        let trees = self.trees.len() as f64;
        for (score, base) in output.iter_mut().zip(&self.base) {
            *score = match self.aggregate {
                Aggregate::Average => *score / trees + base,
                // No leaf spoke of it.
                _ if score.is_infinite() => *base,
                _ => *score + base,
            };
        }
    }
}

impl RowFunction for Ensemble {
    fn width(&self, columns: usize) -> Result<usize, String> {
        let needed = self.trees.columns;
        if columns < needed {
            return Err(format!(
                "it takes rows of at least {needed} numbers, not {columns}"
            ));
        }
        Ok(if self.two.is_some() {
            2
        } else {
            self.base.len()
        })
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        if let Some(two) = self.two {
            let mut score = [0.0];
            self.aggregate(row, &mut score);
            return self.transform.apply_to_one(score[0], two, output);
        }
        self.aggregate(row, output);
        self.transform.apply(output);
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{AttributeProto, ModelProto, attribute_proto::AttributeType};

    use super::*;

    fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            r#type: kind as i32,
            ..AttributeProto::default()
        }
    }

    /// Two stumps: up to 1 the weights 1 and 2, above it 3 and 5.
    fn regressor(aggregate: &str, base: &[f32]) -> TractResult<Ensemble> {
        let ints = |name: &str, ints: &[i64]| AttributeProto {
            ints: ints.to_vec(),
            ..attribute(name, AttributeType::Ints)
        };
        let floats = |name: &str, floats: &[f32]| AttributeProto {
            floats: floats.to_vec(),
            ..attribute(name, AttributeType::Floats)
        };
        let modes = ["BRANCH_LEQ", "LEAF", "LEAF"].repeat(2);
        let node = NodeProto {
            attribute: vec![
                ints("nodes_treeids", &[0, 0, 0, 1, 1, 1]),
                ints("nodes_nodeids", &[0, 1, 2, 0, 1, 2]),
                ints("nodes_featureids", &[0; 6]),
                ints("nodes_truenodeids", &[1, 0, 0, 1, 0, 0]),
                ints("nodes_falsenodeids", &[2, 0, 0, 2, 0, 0]),
                floats("nodes_values", &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]),
                AttributeProto {
                    strings: modes
                        .into_iter()
                        .map(|mode| mode.as_bytes().to_vec())
                        .collect(),
                    ..attribute("nodes_modes", AttributeType::Strings)
                },
                ints("target_treeids", &[0, 0, 1, 1]),
                ints("target_nodeids", &[1, 2, 1, 2]),
                ints("target_ids", &[0; 4]),
                floats("target_weights", &[1.0, 3.0, 2.0, 5.0]),
                floats("base_values", base),
            ],
            ..NodeProto::default()
        };
        let model = ModelProto::default();
        let framework = tract_onnx::onnx();
        let context = ParsingContext {
            onnx_operator_set_version: 17,
            framework: &framework,
            model: &model,
            parent_graphs: Vec::new(),
            model_dir: None,
            template: tract_onnx::prelude::InferenceModel::default(),
        };
        Ok(Ensemble {
            trees: Trees::read(&context, &node, "target", 1)?,
            aggregate: match aggregate {
                "AVERAGE" => Aggregate::Average,
                "MIN" => Aggregate::Min,
                "MAX" => Aggregate::Max,
                _ => Aggregate::Sum,
            },
            base: checked(floats_or_tensor(&context, &node, "base_values")?, 1)?,
            two: None,
            transform: Transform::None,
        })
    }

    #[test]
    fn leaves_become_one_score() {
        for (aggregate, below, above) in [
            ("SUM", 13.0, 18.0),
            ("AVERAGE", 11.5, 14.0),
            ("MIN", 11.0, 13.0),
            ("MAX", 12.0, 15.0),
        ] {
            let ensemble = regressor(aggregate, &[10.0]).unwrap();
            let mut score = [0.0];
            ensemble.apply(&[1.0], &mut score);
            assert_eq!(score, [below], "{aggregate}");
            ensemble.apply(&[2.0], &mut score);
            assert_eq!(score, [above], "{aggregate}");
            assert!(ensemble.width(0).is_err());
        }
        let error = regressor("SUM", &[1.0, 2.0]).unwrap_err();
        assert_eq!(error.to_string(), "2 base values for 1 scores");
    }
}
