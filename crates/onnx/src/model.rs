//! A file, compiled: rows in, rows out.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use streeling_core::{Error, Tensor};
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::{
    Framework as _, IntoTValue, IntoTensor as _, TValue, TVec, Tensor as TractTensor, TractResult,
    TypedFact, TypedModel, TypedRunnableModel,
};
use tract_onnx::tract_hir::internal::{DimLike as _, InferenceModelExt as _};

use crate::error::OnnxError;
use crate::graph::{Chosen, ROWS, Refused, cut_down};
use crate::input::{InputInfo, Kind, split};
use crate::ml;
use crate::output;
use crate::shape::Shape;

/// A file that can be run. Threads share it: what a run changes is its own.
#[derive(Debug)]
pub(crate) struct Model {
    plan: TypedRunnableModel<TypedModel>,
    pub(crate) inputs: Vec<InputInfo>,
    pub(crate) output: OutputInfo,
    /// How many rows the file takes at a time, where it fixes that.
    batch: Option<usize>,
    pub(crate) about: About,
}

/// The output that is served.
#[derive(Debug)]
pub(crate) struct OutputInfo {
    pub(crate) name: String,
    /// What an output without rows is made of.
    fact: TypedFact,
    pub(crate) dtype: &'static str,
    pub(crate) shape: Shape,
    /// Names of its columns.
    pub(crate) classes: Option<Vec<String>>,
}

/// What the file says of itself.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) graph: String,
    pub(crate) version: i64,
    pub(crate) producer: String,
    pub(crate) opsets: String,
    pub(crate) outputs: Vec<String>,
}

impl Model {
    /// Reads and compiles a file, for its output of this name or for the one that is most likely
    /// meant.
    pub(crate) fn load(file: &Path, output: Option<&str>) -> Result<Self, OnnxError> {
        let bytes = fs::read(file).map_err(|source| OnnxError::Read {
            file: file.to_owned(),
            source,
        })?;
        let unusable = |why| OnnxError::Unusable {
            file: file.to_owned(),
            why,
        };
        // tract takes some things for granted that a file may lack.
        match catch_unwind(AssertUnwindSafe(|| Self::build(file, &bytes, output))) {
            Ok(built) => built,
            Err(panic) => Err(unusable(Error::panicked(&*panic).info)),
        }
    }

    fn build(file: &Path, bytes: &[u8], output: Option<&str>) -> Result<Self, OnnxError> {
        let not_onnx = |why| OnnxError::NotOnnx {
            file: file.to_owned(),
            why,
        };
        let mut framework = tract_onnx::onnx();
        ml::register(&mut framework.op_register);
        let mut proto = framework
            .proto_model_for_read(&mut &*bytes)
            .map_err(|error| not_onnx(format!("{error:#}")))?;
        let Some(graph) = &mut proto.graph else {
            return Err(not_onnx("it has no graph".to_owned()));
        };
        let chosen = cut_down(graph, output, &framework.op_register)
            .map_err(|refused| refused_of(file, refused))?;
        let about = About::of(&proto, &chosen);
        let folder = file.parent().and_then(Path::to_str);
        let plan = framework
            .parse(&proto, folder)
            .and_then(|parsed| parsed.model.into_optimized()?.into_runnable());
        let unusable = |why| OnnxError::Unusable {
            file: file.to_owned(),
            why,
        };
        let plan = plan.map_err(|error| unusable(format!("{error:#}")))?;
        let graph = proto.graph.unwrap_or_default();
        Self::of(plan, &graph, chosen, about).map_err(unusable)
    }

    fn of(
        plan: TypedRunnableModel<TypedModel>,
        graph: &GraphProto,
        chosen: Chosen,
        about: About,
    ) -> Result<Self, String> {
        let model = plan.model();
        let inputs = inputs(model, graph)?;
        let batches: Vec<Option<usize>> = inputs.iter().map(|input| input.shape.0[0]).collect();
        let batch = batches[0];
        if batches.iter().any(|other| *other != batch) {
            return Err("its inputs take different numbers of rows".to_owned());
        }
        let fact = model
            .output_fact(0)
            .map_err(|error| error.to_string())?
            .clone();
        let dtype = output::check(fact.datum_type)
            .map_err(|why| format!("its output {:?} is {why}", chosen.name))?;
        let has_rows = fact.shape.dims().first().is_some_and(|side| match batch {
            Some(batch) => side.to_usize().is_ok_and(|side| side == batch),
            None => side.to_string() == ROWS,
        });
        let shape = sides(&fact);
        if !has_rows {
            let found: Vec<String> = fact.shape.iter().map(ToString::to_string).collect();
            return Err(format!(
                "its output {:?} has shape ({}), it must have a row for each row of the input",
                chosen.name,
                found.join(", ")
            ));
        }
        Ok(Self {
            inputs,
            output: OutputInfo {
                name: chosen.name,
                fact,
                dtype,
                shape,
                classes: chosen.classes,
            },
            batch,
            about,
            plan,
        })
    }

    /// The output for the rows of an array; `Err` says what is wrong with them.
    pub(crate) fn run(&self, array: Tensor) -> Result<TractTensor, String> {
        let rows = array.shape().first().copied();
        let arrays = split(&self.inputs, array)?;
        let rows = rows.unwrap_or(0);
        let inputs: Result<Vec<TractTensor>, String> = self
            .inputs
            .iter()
            .zip(&arrays)
            .map(|(input, array)| input.convert(array))
            .collect();
        let inputs = inputs?;
        if rows == 0 {
            return self.nothing();
        }
        let Some(batch) = self.batch else {
            return self.run_once(inputs).map_err(|error| format!("{error:#}"));
        };
        if rows % batch != 0 {
            return Err(format!(
                "it takes {batch} rows at a time, or a multiple; this request has {rows}"
            ));
        }
        self.run_in_batches(&inputs, rows, batch)
            .map_err(|error| format!("{error:#}"))
    }

    fn run_once(&self, inputs: Vec<TractTensor>) -> TractResult<TractTensor> {
        let inputs: TVec<TValue> = inputs.into_iter().map(IntoTValue::into_tvalue).collect();
        let mut outputs = self.plan.run(inputs)?;
        Ok(outputs.remove(0).into_tensor())
    }

    /// As many rows at a time as the file is made for. Whether it would do for others cannot be
    /// seen from outside: it may have written their number anywhere.
    fn run_in_batches(
        &self,
        inputs: &[TractTensor],
        rows: usize,
        batch: usize,
    ) -> TractResult<TractTensor> {
        let outputs = (0..rows).step_by(batch).map(|start| {
            let part = |input: &TractTensor| input.slice(0, start, start + batch);
            self.run_once(inputs.iter().map(part).collect::<TractResult<_>>()?)
        });
        TractTensor::stack_tensors(0, &outputs.collect::<TractResult<Vec<_>>>()?)
    }

    /// The output of no rows, for which there is nothing to run.
    fn nothing(&self) -> Result<TractTensor, String> {
        let mut shape: Vec<usize> = self
            .output
            .shape
            .0
            .iter()
            .map(|side| side.unwrap_or(0))
            .collect();
        shape[0] = 0;
        TractTensor::zero_dt(self.output.fact.datum_type, &shape).map_err(|error| error.to_string())
    }
}

fn inputs(model: &TypedModel, graph: &GraphProto) -> Result<Vec<InputInfo>, String> {
    let outlets = model.input_outlets().map_err(|error| error.to_string())?;
    let mut inputs = Vec::with_capacity(outlets.len());
    let constants = |name: &str| graph.initializer.iter().any(|one| one.name == name);
    let names = graph
        .input
        .iter()
        .map(|one| &one.name)
        .filter(|name| !constants(name));
    for (outlet, name) in outlets.iter().zip(names) {
        let fact = model
            .outlet_fact(*outlet)
            .map_err(|error| error.to_string())?;
        let kind =
            Kind::of(fact.datum_type).map_err(|why| format!("its input {name:?} is {why}"))?;
        inputs.push(InputInfo {
            name: name.clone(),
            kind,
            shape: sides(fact),
        });
    }
    let are_columns = |one: &InputInfo| matches!(one.shape.0[..], [_, Some(_)]);
    match &inputs[..] {
        [] => Err("it has no input".to_owned()),
        [_] => Ok(inputs),
        several if several.iter().all(are_columns) => Ok(inputs),
        several => {
            let shapes: Vec<String> = several
                .iter()
                .map(|one| format!("{} {}", one.name, one.shape))
                .collect();
            Err(format!(
                "it has the inputs {}; several must each be of a fixed number of columns, because \
                 a request is one array of all",
                shapes.join(", ")
            ))
        }
    }
}

/// The sides of a shape; `None` for those that a run decides.
fn sides(fact: &TypedFact) -> Shape {
    Shape(fact.shape.iter().map(|side| side.to_usize().ok()).collect())
}

fn refused_of(file: &Path, refused: Refused) -> OnnxError {
    let file = file.to_owned();
    match refused {
        Refused::Output(why) => OnnxError::Parameters { file, why },
        Refused::Operators { output, operators } => OnnxError::Operators {
            file,
            output,
            operators,
        },
        Refused::Graph(why) => OnnxError::Unusable { file, why },
    }
}

impl About {
    fn of(proto: &ModelProto, chosen: &Chosen) -> Self {
        let opset = |domain: &str, version: i64| match domain {
            "" => format!("ai.onnx {version}"),
            domain => format!("{domain} {version}"),
        };
        let opsets = proto
            .opset_import
            .iter()
            .map(|one| opset(&one.domain, one.version));
        let mut opsets: Vec<String> = opsets.collect();
        opsets.sort();
        opsets.dedup();
        let producer = format!("{} {}", proto.producer_name, proto.producer_version);
        Self {
            graph: proto
                .graph
                .as_ref()
                .map_or_else(String::new, |graph| graph.name.clone()),
            version: proto.model_version,
            producer: producer.trim().to_owned(),
            opsets: opsets.join(", "),
            outputs: chosen.all.clone(),
        }
    }
}
