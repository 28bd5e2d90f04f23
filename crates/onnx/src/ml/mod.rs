//! Operators of `ai.onnx.ml`, the half of ONNX for classic machine learning, most of which tract
//! lacks. Nearly all are a function from one row of numbers to another (`RowFunction`), and run as
//! one operator of tract's (`by_row`). They compute in 64 bits, as scikit-learn does.

mod attributes;
mod by_row;
mod extract;
mod function;
mod linear;
mod rows;
mod transform;
mod tree;
mod tree_nodes;

use tract_onnx::model::OnnxOpRegister;

pub(crate) use self::attributes::Labels;

/// Adds them all, in place of tract's own where it has one.
pub(crate) fn register(register: &mut OnnxOpRegister) {
    register.insert("ArrayFeatureExtractor", extract::array_feature_extractor);
    register.insert("Binarizer", rows::binarizer);
    register.insert("Imputer", rows::imputer);
    register.insert("LinearClassifier", linear::linear_classifier);
    register.insert("LinearRegressor", linear::linear_regressor);
    register.insert("Normalizer", rows::normalizer);
    register.insert("Scaler", rows::scaler);
    register.insert("TreeEnsembleClassifier", tree::tree_ensemble_classifier);
    register.insert("TreeEnsembleRegressor", tree::tree_ensemble_regressor);
}
