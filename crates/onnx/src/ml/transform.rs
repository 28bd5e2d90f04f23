//! What becomes of scores at the end of a classifier or a regressor.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::{TractResult, bail};

/// The attribute `post_transform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Logistic,
    Softmax,
    /// Softmax of those that are not zero.
    SoftmaxZero,
}

/// How one score stands for two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TwoClasses {
    /// It is the probability of the second.
    Complement,
    /// Above zero it is for the second.
    Negative,
}

impl Transform {
    pub(super) fn of(node: &NodeProto) -> TractResult<Self> {
        Ok(
            match node.get_attr_opt("post_transform")?.unwrap_or("NONE") {
                "NONE" => Self::None,
                "LOGISTIC" => Self::Logistic,
                "SOFTMAX" => Self::Softmax,
                "SOFTMAX_ZERO" => Self::SoftmaxZero,
                other => bail!("post_transform is {other}, which is not implemented"),
            },
        )
    }

    pub(super) fn apply(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Logistic => scores
                .iter_mut()
                .for_each(|score| *score = logistic(*score)),
            Self::Softmax => softmax(scores, |_| true),
            Self::SoftmaxZero => softmax(scores, |score| score != 0.0),
        }
    }

    /// Writes both classes of one score.
    pub(super) fn apply_to_one(self, score: f64, classes: TwoClasses, output: &mut [f64]) {
        let (first, second) = match (self, classes) {
            (Self::Logistic, _) => (logistic(-score), logistic(score)),
            (_, TwoClasses::Complement) => (1.0 - score, score),
            (_, TwoClasses::Negative) => (-score, score),
        };
        output.copy_from_slice(&[first, second]);
        if self != Self::Logistic {
            self.apply(output);
        }
    }
}

fn logistic(score: f64) -> f64 {
    // tanh saturates where exp would overflow.
    0.5 * (1.0 + (0.5 * score).tanh())
}

fn softmax(scores: &mut [f64], counts: impl Fn(f64) -> bool) {
    // Without the largest taken off first, exp overflows.
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let power = |score: f64| {
        if counts(score) {
            (score - largest).exp()
        } else {
            0.0
        }
    };
    scores.iter_mut().for_each(|score| *score = power(*score));
    let sum: f64 = scores.iter().sum();
    if sum != 0.0 {
        scores.iter_mut().for_each(|score| *score /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn scores_are_transformed_as_the_attribute_says() {
        let third = 1.0_f64.exp() / (2.0 + 1.0_f64.exp());
        for (transform, expected) in [
            (Transform::None, [0.0, 1.0, 0.0]),
            (
                Transform::Logistic,
                [0.5, 1.0 / (1.0 + (-1.0_f64).exp()), 0.5],
            ),
            (
                Transform::Softmax,
                [(1.0 - third) / 2.0, third, (1.0 - third) / 2.0],
            ),
            (Transform::SoftmaxZero, [0.0, 1.0, 0.0]),
        ] {
            let mut scores = [0.0, 1.0, 0.0];
            transform.apply(&mut scores);
            is_near(&scores, &expected);
        }
        let mut scores = [1e4, -1e4];
        Transform::Softmax.apply(&mut scores);
        is_near(&scores, &[1.0, 0.0]);
        let mut zeros = [0.0, 0.0];
        Transform::SoftmaxZero.apply(&mut zeros);
        is_near(&zeros, &[0.0, 0.0]);
    }

    #[test]
    fn one_score_stands_for_two_classes() {
        let p = 1.0 / (1.0 + (-0.25_f64).exp());
        for (transform, classes, expected) in [
            (Transform::None, TwoClasses::Complement, [0.75, 0.25]),
            (Transform::None, TwoClasses::Negative, [-0.25, 0.25]),
            (Transform::Logistic, TwoClasses::Complement, [1.0 - p, p]),
            (Transform::Logistic, TwoClasses::Negative, [1.0 - p, p]),
        ] {
            let mut output = [0.0; 2];
            transform.apply_to_one(0.25, classes, &mut output);
            is_near(&output, &expected);
        }
    }
}
