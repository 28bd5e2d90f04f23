//! A function of rows as an operator of tract's.

use std::sync::Arc;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attributes::Labels;
use super::function::RowFunction;

/// What a builder of operators returns; the list is for outer values, which none of ours reads.
pub(super) type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// The operator of a node with one input, whose rows `function` is for.
pub(super) fn by_row(node: &NodeProto, function: impl RowFunction + 'static) -> Built {
    build(node, function, None)
}

/// The same with two outputs: the label of the largest number of each row comes first.
pub(super) fn classifier(
    node: &NodeProto,
    function: impl RowFunction + 'static,
    labels: Labels,
) -> Built {
    build(node, function, Some(labels))
}

fn build(node: &NodeProto, function: impl RowFunction + 'static, labels: Option<Labels>) -> Built {
    let outputs = node.output.iter().filter(|name| !name.is_empty()).count();
    let expected = if labels.is_some() { 2 } else { 1 };
    if outputs != expected {
        bail!(
            "{} has {outputs} outputs in place of {expected}",
            node.op_type
        );
    }
    let by_row = ByRow {
        name: node.op_type.clone(),
        function: Arc::new(function),
        labels,
    };
    Ok((expand(by_row), Vec::new()))
}

#[derive(Clone, Debug)]
struct ByRow {
    name: String,
    function: Arc<dyn RowFunction>,
    labels: Option<Labels>,
}

impl ByRow {
    fn width(&self, columns: usize) -> TractResult<usize> {
        self.function.width(columns).map_err(TractError::msg)
    }

    fn label_type(&self) -> Option<DatumType> {
        self.labels.as_ref().map(|labels| match labels {
            Labels::Integers(_) => i64::datum_type(),
            Labels::Texts(_) => String::datum_type(),
        })
    }

    /// The label of each row.
    fn choose(labels: &Labels, output: &[f64], width: usize) -> TractResult<Tensor> {
        let rows = output.chunks_exact(width);
        let best = rows.map(|row| largest(row).min(labels.len() - 1));
        match labels {
            Labels::Integers(all) => Ok(tensor1(&best.map(|row| all[row]).collect::<Vec<_>>())),
            Labels::Texts(all) => {
                let chosen: Vec<String> = best.map(|row| all[row].clone()).collect();
                Ok(tensor1(&chosen))
            }
        }
    }
}

/// The index of the largest number; the first of several.
fn largest(row: &[f64]) -> usize {
    let later = |best: usize, index: usize| if row[index] > row[best] { index } else { best };
    (0..row.len()).fold(0, later)
}

impl Expansion for ByRow {
    fn name(&self) -> StaticName {
        self.name.clone().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(if self.labels.is_some() { 2 } else { 1 })
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let numbers = &outputs[outputs.len() - 1];
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&numbers.rank, 2)?;
        solver.equals(&numbers.datum_type, f32::datum_type())?;
        solver.equals(&numbers.shape[0], &inputs[0].shape[0])?;
        if let Some(label_type) = self.label_type() {
            solver.equals(&outputs[0].rank, 1)?;
            solver.equals(&outputs[0].datum_type, label_type)?;
            solver.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        }
        solver.given(&inputs[0].shape[1], move |solver, columns| {
            let width = self.width(columns.to_usize()?)?;
            solver.equals(&numbers.shape[1], width.to_dim())
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for ByRow {
    fn name(&self) -> StaticName {
        self.name.clone().into()
    }

    op_as_typed_op!();
}

impl TypedOp for ByRow {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [rows, columns] = inputs[0].shape.dims() else {
            bail!("{} takes rows", self.name);
        };
        let numbers = f32::fact([rows.clone(), self.width(columns.to_usize()?)?.to_dim()]);
        let labels = self.label_type().map(|dtype| dtype.fact([rows.clone()]));
        Ok(labels.into_iter().chain([numbers]).collect())
    }

    as_op!();
}

impl EvalOp for ByRow {
    fn is_stateless(&self) -> bool {
        true
    }

    fn eval(&self, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let &[rows, columns] = input.shape() else {
            bail!("{} takes rows", self.name);
        };
        let width = self.width(columns)?;
        let numbers = input.cast_to::<f64>()?;
        let mut output = vec![0.0; rows * width];
        let pairs = numbers.as_slice::<f64>()?.chunks_exact(columns.max(1));
        for (row, output) in pairs.zip(output.chunks_exact_mut(width.max(1))) {
            self.function.apply(row, output);
        }
        let labels = self.labels.as_ref();
        let labels = labels.map(|labels| Self::choose(labels, &output, width));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the operators give 32 bits"
        )]
        let output: Vec<f32> = output.into_iter().map(|value| value as f32).collect();
        let output = Tensor::from_shape(&[rows, width], &output)?;
        let all = labels.transpose()?.into_iter().chain([output]);
        Ok(all.map(Tensor::into_tvalue).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_is_chosen() {
        assert_eq!(largest(&[0.5, 0.5]), 0);
        assert_eq!(largest(&[0.1, 0.7, 0.2]), 1);
        assert_eq!(largest(&[f64::NAN, 0.7]), 0);
        let labels = Labels::Texts(vec!["a".to_owned(), "b".to_owned()]);
        let chosen = ByRow::choose(&labels, &[0.1, 0.9, 0.9, 0.1], 2).unwrap();
        assert_eq!(chosen.as_slice::<String>().unwrap(), ["b", "a"]);
        let chosen = ByRow::choose(&Labels::Integers(vec![-1, 4]), &[0.1, 0.9], 2).unwrap();
        assert_eq!(chosen.as_slice::<i64>().unwrap(), [4]);
    }
}
