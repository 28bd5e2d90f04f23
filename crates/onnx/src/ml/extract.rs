//! `ArrayFeatureExtractor`: columns by their indices.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::array::Gather;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::internal::*;

use super::by_row::Built;

pub(super) fn array_feature_extractor(_: &ParsingContext<'_>, _: &NodeProto) -> Built {
    Ok((expand(Extract), Vec::new()))
}

/// Takes along the last axis; what comes out of one axis has a first one of 1.
#[derive(Clone, Debug)]
struct Extract;

impl Expansion for Extract {
    fn name(&self) -> StaticName {
        "ArrayFeatureExtractor".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.given_2(
            &inputs[0].shape,
            &inputs[1].shape,
            move |solver, from, indices| {
                let mut shape: TVec<TDim> = match from.split_last() {
                    Some((_, [])) => tvec!(1.to_dim()),
                    Some((_, before)) => before.into(),
                    None => bail!("ArrayFeatureExtractor takes no scalar"),
                };
                shape.push(indices.iter().product());
                solver.equals(&outputs[0].shape, shape)
            },
        )
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let sides = model.outlet_fact(inputs[1])?.shape.to_tvec();
        let count: TDim = sides.iter().product();
        let to_integers = cast(i64::datum_type());
        let mut indices =
            model.wire_node(format!("{prefix}.indices"), to_integers, &[inputs[1]])?;
        if sides.len() != 1 {
            let flat = AxisOp::Reshape(0, sides, tvec!(count));
            indices = model.wire_node(format!("{prefix}.flat"), flat, &indices)?;
        }
        let gather = Gather::new(rank - 1);
        let name = if rank > 1 {
            prefix.to_owned()
        } else {
            format!("{prefix}.gather")
        };
        let gathered = model.wire_node(name, gather, &[inputs[0], indices[0]])?;
        if rank > 1 {
            return Ok(gathered);
        }
        model.wire_node(prefix, AxisOp::Add(0), &gathered)
    }
}
