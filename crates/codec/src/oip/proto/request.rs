//! The fields of a request.

use streeling_core::Table;

use super::reader::{Reader, failed, shortened};
use crate::error::{DecodeError, Result};
use crate::json::array::MAX_DIMS;
use crate::oip::datatype::Datatype;
use crate::oip::message::{InferRequest, NamedTensor, RequestedOutput};
use crate::oip::raw;
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

impl Reader<'_> {
    pub(super) fn request(&self) -> Result<ModelInfer> {
        let whole = self.body.whole();
        let mut found = self.inputs(&whole)?;
        let mut infer = ModelInfer::default();
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
                    let output = self.output(field.span(MESSAGE)?);
                    let index = request.outputs.len();
                    request
                        .outputs
                        .push(output.map_err(|error| error.at_index(index).inside("outputs"))?);
                }
                7 => found.raw.push(field.span(BYTES)?),
                _ => {}
            }
            Ok(())
        })?;
        self.tensors(&found, &mut request.inputs)?;
        infer.is_raw = !found.raw.is_empty();
        Ok(infer)
    }

    /// Room for so many inputs as there are. Those whose wire type is another one are unknown
    /// fields; they make the room larger than it need be, and no more.
    fn inputs(&self, whole: &Spans) -> Result<Inputs> {
        let (mut parts, mut inputs, mut raw) = (0_usize, 0, 0);
        self.body.fields(whole, |field| {
            parts += usize::from(matches!(field.number, 5 | 6));
            inputs += usize::from(field.number == 5);
            raw += usize::from(field.number == 7 && field.span(BYTES).is_ok());
            Ok(())
        })?;
        let spans = (inputs + raw) * size_of::<Span>();
        self.take(0, parts.saturating_mul(PART).saturating_add(spans))?;
        Ok(Inputs {
            inputs: Vec::with_capacity(inputs),
            raw: Vec::with_capacity(raw),
        })
    }

    fn tensors(&self, found: &Inputs, tensors: &mut Vec<NamedTensor>) -> Result<()> {
        let Inputs { inputs, raw } = found;
        if !raw.is_empty() && raw.len() != inputs.len() {
            let (inputs, raw) = (inputs.len(), raw.len());
            let problem = format!("{raw} raw_input_contents for {inputs} inputs");
            return Err(DecodeError::mismatch(found.raw[0].start, problem));
        }
        tensors.reserve_exact(inputs.len());
        for (index, &input) in inputs.iter().enumerate() {
            let tensor = self.input(input, raw.get(index).copied());
            tensors.push(tensor.map_err(|error| error.at_index(index).inside("inputs"))?);
        }
        Ok(())
    }

    fn input(&self, span: Span, raw: Option<Span>) -> Result<NamedTensor> {
        let mut name = String::new();
        let mut datatype = "";
        let mut shape = Vec::new();
        let mut parameters = Table::new();
        let mut contents = Spans::default();
        self.body.fields(&Spans::one(span), |field| {
            match field.number {
                1 => name = self.text(field, "name")?,
                2 => {
                    let text = field.span(TEXT).and_then(|span| self.body.str(span));
                    datatype = text.map_err(|error| error.inside("datatype"))?;
                }
                3 => self.body.integers(field, |side| {
                    let side = i64::from_le_bytes(side.to_le_bytes());
                    add_side(side, field.offset, &mut shape)
                })?,
                4 => self.parameter(field, &mut parameters)?,
                5 => push(&mut contents, field, "contents")?,
                _ => {}
            }
            Ok(())
        })?;
        if name.is_empty() {
            return Err(DecodeError::invalid(span.start, "an input needs a name").inside("name"));
        }
        let datatype = known(datatype, span.start)?;
        let tensor = match raw {
            None => self
                .contents(&contents, span.start, datatype, shape)
                .map_err(|error| error.inside("contents"))?,
            Some(_) if self.has_elements(&contents)? => {
                let problem = "elements are in contents and in raw_input_contents, allowed is one";
                return Err(DecodeError::mismatch(contents.start(), problem).inside("contents"));
            }
            Some(raw) => raw::tensor(datatype, shape, self.body.slice(raw), self.meter)
                .map_err(|fault| failed(fault, raw.start))?,
        };
        Ok(NamedTensor {
            name,
            parameters,
            tensor,
        })
    }

    fn output(&self, span: Span) -> Result<RequestedOutput> {
        let mut name = String::new();
        let mut parameters = Table::new();
        self.body.fields(&Spans::one(span), |field| {
            match field.number {
                1 => name = self.text(field, "name")?,
                2 => self.parameter(field, &mut parameters)?,
                _ => {}
            }
            Ok(())
        })?;
        if name.is_empty() {
            return Err(DecodeError::invalid(span.start, "an output needs a name").inside("name"));
        }
        Ok(RequestedOutput { name, parameters })
    }
}

/// One more side of a shape.
fn add_side(side: i64, offset: usize, shape: &mut Vec<usize>) -> Result<()> {
    let index = shape.len();
    if index == MAX_DIMS {
        let problem = format!("more than {MAX_DIMS} sides");
        return Err(DecodeError::mismatch(offset, problem).inside("shape"));
    }
    let side = usize::try_from(side).map_err(|_| {
        let problem = format!("a side of {side}, must be 0 or more");
        DecodeError::mismatch(offset, problem)
            .at_index(index)
            .inside("shape")
    })?;
    shape.push(side);
    Ok(())
}

/// The datatype of a name.
fn known(name: &str, offset: usize) -> Result<Datatype> {
    Datatype::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Datatype::names().collect();
        let (name, names) = (shortened(name), names.join(", "));
        let problem = format!("unknown datatype {name:?}, must be one of {names}");
        DecodeError::mismatch(offset, problem).inside("datatype")
    })
}
