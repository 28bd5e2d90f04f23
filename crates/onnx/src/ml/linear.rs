//! `LinearClassifier` and `LinearRegressor`.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{TractResult, ensure};

use super::attributes::{floats, labels};
use super::by_row::{Built, by_row, classifier};
use super::function::RowFunction;
use super::transform::{Transform, TwoClasses};

/// Scores that are linear in the row.
#[derive(Debug)]
struct Linear {
    /// A row of them for each score.
    coefficients: Vec<f64>,
    /// One for each score, or none.
    intercepts: Vec<f64>,
    /// How many scores there are.
    scores: usize,
    /// Whether the one score is for the second of two classes.
    is_for_two: bool,
    transform: Transform,
}

pub(super) fn linear_classifier(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let labels = labels(node)?;
    let intercepts = floats(node, "intercepts")?;
    let scores = if intercepts.is_empty() {
        labels.len()
    } else {
        intercepts.len()
    };
    let linear = Linear {
        coefficients: floats(node, "coefficients")?,
        scores,
        is_for_two: scores == 1 && labels.len() == 2,
        intercepts,
        transform: Transform::of(node)?,
    };
    linear.check()?;
    classifier(node, linear, labels)
}

pub(super) fn linear_regressor(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let linear = Linear {
        coefficients: floats(node, "coefficients")?,
        intercepts: floats(node, "intercepts")?,
        scores: node.get_attr_opt("targets")?.unwrap_or(1),
        is_for_two: false,
        transform: Transform::of(node)?,
    };
    linear.check()?;
    by_row(node, linear)
}

impl Linear {
    fn check(&self) -> TractResult<()> {
        let (all, scores) = (self.coefficients.len(), self.scores);
        ensure!(
            scores > 0 && all > 0 && all.is_multiple_of(scores),
            "{all} coefficients for {scores} scores"
        );
        let intercepts = self.intercepts.len();
        ensure!(
            intercepts == 0 || intercepts == scores,
            "{intercepts} intercepts for {scores} scores"
        );
        Ok(())
    }

    fn score(&self, index: usize, row: &[f64]) -> f64 {
        let coefficients = &self.coefficients[index * row.len()..][..row.len()];
        let product: f64 = coefficients
            .iter()
            .zip(row)
            .map(|(one, value)| one * value)
            .sum();
        product + self.intercepts.get(index).copied().unwrap_or(0.0)
    }
}

impl RowFunction for Linear {
    fn width(&self, columns: usize) -> Result<usize, String> {
        let expected = self.coefficients.len() / self.scores;
        if columns != expected {
            return Err(format!(
                "it takes rows of {expected} numbers, not {columns}"
            ));
        }
        Ok(if self.is_for_two { 2 } else { self.scores })
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        if self.is_for_two {
            let score = self.score(0, row);
            return self
                .transform
                .apply_to_one(score, TwoClasses::Complement, output);
        }
        for (index, output) in output.iter_mut().enumerate() {
            *output = self.score(index, row);
        }
        self.transform.apply(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_products_and_intercepts() {
        let mut linear = Linear {
            coefficients: vec![1.0, 2.0, 3.0, 4.0],
            intercepts: vec![0.5, -0.5],
            scores: 2,
            is_for_two: false,
            transform: Transform::None,
        };
        linear.check().unwrap();
        let mut output = [0.0; 2];
        linear.apply(&[10.0, 1.0], &mut output);
        assert_eq!(output, [12.5, 33.5]);
        assert_eq!(
            linear.width(3).unwrap_err(),
            "it takes rows of 2 numbers, not 3"
        );

        linear.intercepts.pop();
        let error = linear.check().unwrap_err().to_string();
        assert_eq!(error, "1 intercepts for 2 scores");
        linear.scores = 3;
        let error = linear.check().unwrap_err().to_string();
        assert_eq!(error, "4 coefficients for 3 scores");
    }

    #[test]
    fn one_score_is_for_the_second_of_two_classes() {
        let linear = Linear {
            coefficients: vec![0.5, 0.0],
            intercepts: Vec::new(),
            scores: 1,
            is_for_two: true,
            transform: Transform::None,
        };
        let mut output = [0.0; 2];
        linear.apply(&[0.5, 1.0], &mut output);
        assert_eq!((linear.width(2), output), (Ok(2), [0.75, 0.25]));
    }
}
