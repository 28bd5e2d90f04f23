//! Attributes of an operator.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::{TractResult, bail};

/// The labels of classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

impl Labels {
    /// Those of a node that has any.
    pub(crate) fn of(node: &NodeProto) -> Option<Self> {
        let find = |names: &[&str]| {
            let is_one = |name: &str| names.contains(&name);
            node.attribute.iter().find(|one| is_one(&one.name))
        };
        let integers = find(&["classlabels_int64s", "classlabels_ints"]);
        if let Some(list) = integers.filter(|list| !list.ints.is_empty()) {
            return Some(Self::Integers(list.ints.clone()));
        }
        let list = find(&["classlabels_strings"]).filter(|list| !list.strings.is_empty())?;
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        Some(Self::Texts(list.strings.iter().map(text).collect()))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(all) => all.len(),
            Self::Texts(all) => all.len(),
        }
    }

    /// As names of columns.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Integers(all) => all.iter().map(ToString::to_string).collect(),
            Self::Texts(all) => all.clone(),
        }
    }
}

/// The labels of a classifier, which must have some.
pub(super) fn labels(node: &NodeProto) -> TractResult<Labels> {
    match Labels::of(node) {
        Some(labels) => Ok(labels),
        None => bail!("neither classlabels_int64s nor classlabels_strings"),
    }
}

/// A list of floats; empty where there is none.
pub(super) fn floats(node: &NodeProto, name: &str) -> TractResult<Vec<f64>> {
    let list = node.get_attr_opt_vec::<f32>(name)?.unwrap_or_default();
    Ok(list.into_iter().map(f64::from).collect())
}

/// The same, which newer files may write as a tensor of 64 bits under the name with `_as_tensor`.
pub(super) fn floats_or_tensor(
    context: &ParsingContext<'_>,
    node: &NodeProto,
    name: &str,
) -> TractResult<Vec<f64>> {
    let tensor = node.get_attr_opt::<&TensorProto>(&format!("{name}_as_tensor"))?;
    match tensor {
        Some(tensor) => {
            let tensor = context.load_tensor(tensor)?;
            Ok(tensor.cast_to::<f64>()?.as_slice::<f64>()?.to_vec())
        }
        None => floats(node, name),
    }
}

/// A list of numbers that count or index something.
pub(super) fn indices(node: &NodeProto, name: &str) -> TractResult<Vec<usize>> {
    let list = node.get_attr_opt_vec::<i64>(name)?.unwrap_or_default();
    let index = |value: i64| match usize::try_from(value) {
        Ok(value) => Ok(value),
        Err(_) => bail!("{value} in {name} is below 0"),
    };
    list.into_iter().map(index).collect()
}
