//! The fields of a request.

use streeling_core::Result;

use super::reader::{Reader, unreadable};
use crate::error::Result as DecodeResult;
use crate::oip::datatype::Datatype;
use crate::oip::message::{InferRequest, NamedTensor, Parameters, RequestedOutput};
use crate::oip::parameters::{Owner, Short, bad};
use crate::oip::raw::{raw_tensor, shape};
use crate::protobuf::body::push;
use crate::protobuf::wire::{BYTES, MESSAGE, Span, Spans, TEXT};

/// What an input or a wanted output takes beside its texts and elements, however short it is.
const PART: usize = size_of::<NamedTensor>() + 64;

/// A request of inference, and the model that it is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelInfer {
    /// The model's name; empty where it is not given.
    pub model: String,
    /// The model's version; empty where it does not matter.
    pub version: String,
    /// Whether the elements came raw, so that those of the response are to be raw, too.
    pub is_raw: bool,
    /// Inputs and all the rest.
    pub request: InferRequest,
}

/// Where the inputs and their raw elements are, which may come in any order.
struct Inputs {
    inputs: Vec<Span>,
    raw: Vec<Span>,
}

/// The parts of an input.
#[derive(Default)]
struct Input<'b> {
    name: String,
    datatype: &'b str,
    sides: Vec<i64>,
    parameters: Parameters,
    contents: Spans,
}

impl Reader<'_> {
    pub(super) fn request(&self) -> Result<ModelInfer> {
        let mut infer = ModelInfer::default();
        let found = self.fields(&mut infer).map_err(unreadable)?;
        infer.is_raw = !found.raw.is_empty();
        infer.request.inputs = self.tensors(&found)?;
        let outputs = &infer.request.outputs;
        if let Some(index) = outputs.iter().position(|output| output.name.is_empty()) {
            return Err(bad(format!("requested output {index} has no name")));
        }
        Ok(infer)
    }

    /// Reads all but the inputs.
    fn fields(&self, infer: &mut ModelInfer) -> DecodeResult<Inputs> {
        let whole = self.body.whole();
        let mut found = self.room(&whole)?;
        let request = &mut infer.request;
        self.body.fields(&whole, |field| {
            match field.number {
                1 => infer.model = self.text(field, "model_name")?,
                2 => infer.version = self.text(field, "model_version")?,
                3 => {
                    let id = self.text(field, "id")?;
                    request.id = Some(id).filter(|id| !id.is_empty());
                }
                4 => self.parameter(field, &mut request.parameters)?,
                5 => found.inputs.push(field.span(MESSAGE)?),
                6 => {
                    let index = request.outputs.len();
                    let output = field.span(MESSAGE).and_then(|span| self.output(span));
                    let output = output.map_err(|error| error.at_index(index).inside("outputs"));
                    request.outputs.push(output?);
                }
                7 => found.raw.push(field.span(BYTES)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Room for so many inputs as there are. Those whose wire type is another one are unknown
    /// fields; they make the room larger than it need be, and no more.
    fn room(&self, whole: &Spans) -> DecodeResult<Inputs> {
        let (mut parts, mut inputs, mut raw) = (0_usize, 0, 0);
        self.body.fields(whole, |field| {
            parts += usize::from(matches!(field.number, 5 | 6));
            inputs += usize::from(field.number == 5);
            raw += usize::from(field.number == 7);
            Ok(())
        })?;
        let spans = (inputs + raw) * size_of::<Span>();
        self.take(0, parts.saturating_mul(PART).saturating_add(spans))?;
        Ok(Inputs {
            inputs: Vec::with_capacity(inputs),
            raw: Vec::with_capacity(raw),
        })
    }

    fn tensors(&self, found: &Inputs) -> Result<Vec<NamedTensor>> {
        let Inputs { inputs, raw } = found;
        if !raw.is_empty() && raw.len() != inputs.len() {
            return Err(bad(format!(
                "there are {} raw_input_contents for {} inputs, there must be one for each",
                raw.len(),
                inputs.len()
            )));
        }
        let mut tensors = Vec::with_capacity(inputs.len());
        for (index, &span) in inputs.iter().enumerate() {
            let input = self.input(span);
            let input = input.map_err(|error| error.at_index(index).inside("inputs"));
            let input = input.map_err(unreadable)?;
            if input.name.is_empty() {
                return Err(bad(format!("input {index} has no name")));
            }
            tensors.push(self.tensor(input, raw.get(index).copied())?);
        }
        Ok(tensors)
    }

    fn input(&self, span: Span) -> DecodeResult<Input<'_>> {
        let mut input = Input::default();
        self.body.fields(&Spans::one(span), |field| {
            match field.number {
                1 => input.name = self.text(field, "name")?,
                2 => {
                    let text = field.span(TEXT).and_then(|span| self.body.str(span));
                    input.datatype = text.map_err(|error| error.inside("datatype"))?;
                }
                3 => self.body.integers(field, |side| {
                    // As in a list that has just doubled.
                    self.take(field.offset, 3 * size_of::<i64>())?;
                    input.sides.push(i64::from_le_bytes(side.to_le_bytes()));
                    Ok(())
                })?,
                4 => self.parameter(field, &mut input.parameters)?,
                5 => push(&mut input.contents, field, "contents")?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(input)
    }

    fn tensor(&self, input: Input<'_>, raw: Option<Span>) -> Result<NamedTensor> {
        let Input {
            name,
            datatype,
            sides,
            parameters,
            contents,
        } = input;
        let datatype = known(&name, datatype)?;
        let shape = shape(&name, &sides)?;
        let tensor = match raw {
            None => self.contents(&name, datatype, shape, &contents)?,
            Some(_) if self.has_elements(&contents)? => {
                return Err(bad(format!(
                    "{} has elements in contents and in raw_input_contents, allowed is one of them",
                    Owner::Input(&name)
                )));
            }
            Some(raw) => raw_tensor(&name, datatype, shape, self.body.slice(raw), self.meter)?,
        };
        Ok(NamedTensor {
            name,
            parameters,
            tensor,
        })
    }

    fn output(&self, span: Span) -> DecodeResult<RequestedOutput> {
        let mut name = String::new();
        let mut parameters = Parameters::new();
        self.body.fields(&Spans::one(span), |field| {
            match field.number {
                1 => name = self.text(field, "name")?,
                2 => self.parameter(field, &mut parameters)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(RequestedOutput { name, parameters })
    }
}

/// The datatype of an input.
fn known(input: &str, name: &str) -> Result<Datatype> {
    Datatype::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Datatype::names().collect();
        bad(format!(
            "datatype {} of {} is not known, it must be one of {}",
            Short(name),
            Owner::Input(input),
            names.join(", ")
        ))
    })
}
