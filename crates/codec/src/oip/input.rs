//! From the inputs of a request to what a component is given.

use std::collections::BTreeSet;

use bytes::Bytes;
use streeling_core::{
    Array, DType, Elements, Layout, Message, Meta, Meter, Named, Names, Payload, RawJson, Result,
    Table, Tensor,
};

use super::datatype::Datatype;
use super::message::{InferRequest, NamedTensor, Parameters};
use super::parameters::{BINARY_DATA_OUTPUT, CONTENT_TYPE, ContentType, Owner, Short, bad, names};
use crate::error::DecodeError;
use crate::json::binary::decode_base64;
use crate::json::check;
use crate::json::writer::write_tensor;

/// What the message of an input takes, beside its elements, at the worst moment.
const INPUT: usize = 2 * size_of::<Named>() + 64;

/// What a component is given for a request.
///
/// - One input of numbers is an array of its dtype and shape; parameter `names` names the columns,
///   as a list of strings or as a string with the JSON of one.
/// - Several inputs of shape `[n]` or `[n, 1]` are the columns of one array
///   ([`Payload::Columns`]); with `content_type` `pd` of the request they must be such, and one
///   input may be. Several others are [`Payload::Named`].
/// - An input of `BYTES` is an array of text; one without sides is text. With `content_type`
///   `base64` it is an array of bytes, or without sides bytes; with `json` the JSON value, of
///   several elements the list of them. Without any content type what is no UTF-8 is an array of
///   bytes.
/// - Parameters of the request are tags, but for those that have been followed; the id is the id.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for inputs that are none of these, for
/// parameters of a wrong kind, and for an input without a row; that of the memory.
pub fn message(request: InferRequest, memory: &Meter) -> Result<Message> {
    let InferRequest {
        id,
        parameters,
        inputs,
        outputs: _,
    } = request;
    let default = ContentType::of(&parameters, Owner::Request)?;
    memory.take(inputs.len().saturating_mul(INPUT))?;
    let mut inputs = inputs
        .into_iter()
        .map(|input| Input::new(input, default))
        .collect::<Result<Vec<_>>>()?;
    let is_table = default == Some(ContentType::Pandas);
    let payload = match inputs.len() {
        0 => return Err(bad("the request has no inputs, at least one is needed")),
        1 if !is_table || inputs[0].rows().is_none() => inputs.remove(0).payload(memory)?,
        _ => several(inputs, is_table, memory)?,
    };
    Ok(Message {
        status: None,
        meta: Meta {
            id,
            tags: tags(parameters),
            ..Meta::default()
        },
        payload,
    })
}

/// The parameters of a request that say nothing about its inputs and outputs.
fn tags(mut parameters: Parameters) -> Table<RawJson> {
    for followed in [CONTENT_TYPE, BINARY_DATA_OUTPUT] {
        parameters.remove(followed);
    }
    parameters
}

fn several(inputs: Vec<Input>, is_table: bool, memory: &Meter) -> Result<Payload> {
    let mut known = BTreeSet::new();
    if let Some(twice) = inputs.iter().find(|input| !known.insert(&input.name)) {
        return Err(bad(format!(
            "two inputs have the name {}",
            Short(&twice.name)
        )));
    }
    drop(known);
    let rows = inputs[0].rows();
    let other = inputs
        .iter()
        .find(|input| input.rows() != rows || rows.is_none());
    match other {
        None => {
            let columns = inputs.into_iter().map(|input| input.column(memory));
            columns.collect::<Result<_>>().map(Payload::Columns)
        }
        Some(other) if is_table => Err(bad(format!(
            "content_type \"pd\" needs inputs of shape [n] or [n, 1], all of the same n: input {} \
             is of datatype {} and shape {:?}, input {} of shape {:?}",
            Short(&other.name),
            Datatype::Of(other.tensor.dtype()).name(),
            other.tensor.shape(),
            Short(&inputs[0].name),
            inputs[0].tensor.shape(),
        ))),
        Some(_) => {
            let named = inputs.into_iter().map(|input| input.named(memory));
            named.collect::<Result<_>>().map(Payload::Named)
        }
    }
}

/// An input whose parameters have been read.
struct Input {
    name: String,
    content: Option<ContentType>,
    columns: Vec<String>,
    tensor: Tensor,
}

impl Input {
    fn new(input: NamedTensor, default: Option<ContentType>) -> Result<Self> {
        let NamedTensor {
            name,
            parameters,
            tensor,
        } = input;
        let owner = Owner::Input(&name);
        let own = ContentType::of(&parameters, owner)?;
        let is_bytes = tensor.dtype() == DType::Bytes;
        if let Some(content) = own
            && !is_bytes
            && !matches!(content, ContentType::Numpy | ContentType::Pandas)
        {
            return Err(bad(format!(
                "content_type {:?} of {owner} is for datatype BYTES, its datatype is {}",
                content.name(),
                Datatype::Of(tensor.dtype()).name()
            )));
        }
        if tensor.shape().first() == Some(&0) {
            return Err(bad(format!(
                "{owner} has no rows, its shape is {:?}",
                tensor.shape()
            )));
        }
        let columns = names(&parameters, owner)?;
        Ok(Self {
            content: own.or(default.filter(|_| is_bytes)),
            columns,
            tensor,
            name,
        })
    }

    /// Its rows, if it is a column: of JSON there is none.
    fn rows(&self) -> Option<usize> {
        match self.tensor.shape() {
            [rows] | [rows, 1] if self.content != Some(ContentType::Json) => Some(*rows),
            _ => None,
        }
    }

    fn column(mut self, memory: &Meter) -> Result<Named> {
        let rows = vec![self.tensor.len()];
        self.tensor = Tensor::new(self.tensor.dtype(), rows, self.tensor.data().clone())
            .expect("a side of one adds no elements");
        self.named(memory)
    }

    fn named(mut self, memory: &Meter) -> Result<Named> {
        Ok(Named {
            name: std::mem::take(&mut self.name),
            payload: self.payload(memory)?,
        })
    }

    fn payload(self, memory: &Meter) -> Result<Payload> {
        if self.tensor.dtype() != DType::Bytes {
            return Ok(array(Elements::Typed(self.tensor), self.columns));
        }
        match self.content {
            Some(ContentType::Base64) => self.decoded(memory),
            Some(ContentType::Json) => self.json(memory),
            Some(ContentType::Text | ContentType::Datetime) => self.text(true, memory),
            Some(ContentType::Numpy | ContentType::Pandas) | None => self.text(false, memory),
        }
    }

    /// Text; bytes where it is none and `is_text` does not say that it must be.
    fn text(self, is_text: bool, memory: &Meter) -> Result<Payload> {
        let mut elements = self.tensor.byte_elements();
        let other = elements.position(|element| std::str::from_utf8(element).is_err());
        drop(elements);
        let is_scalar = self.tensor.shape().is_empty();
        match other {
            Some(index) if is_text => Err(bad(format!(
                "element {index} of input {} is no UTF-8",
                Short(&self.name)
            ))),
            Some(_) if is_scalar => Ok(Payload::Bytes(scalar(&self.tensor))),
            None if is_scalar => {
                let text = scalar(&self.tensor);
                memory.take(text.len())?;
                let text = String::from_utf8_lossy(&text).into_owned();
                Ok(Payload::Text(text))
            }
            None if !self.tensor.is_empty() => {
                let list = text_list(&self.tensor, memory)?;
                Ok(array(Elements::Json(list), self.columns))
            }
            // What has no elements has no text, and perhaps an enormous side.
            _ => Ok(array(Elements::Typed(self.tensor), self.columns)),
        }
    }

    fn decoded(self, memory: &Meter) -> Result<Payload> {
        memory.take(self.tensor.data().len())?;
        let mut data = Vec::with_capacity(self.tensor.data().len());
        for (index, element) in self.tensor.byte_elements().enumerate() {
            let text = std::str::from_utf8(element).ok();
            let decoded = text.and_then(decode_base64).ok_or_else(|| {
                bad(format!(
                    "element {index} of input {} is no base64",
                    Short(&self.name)
                ))
            })?;
            // It is shorter than its text, which has no more.
            let length = u32::try_from(decoded.len()).unwrap_or(u32::MAX);
            data.extend_from_slice(&length.to_le_bytes());
            data.extend_from_slice(&decoded);
        }
        let tensor = Tensor::new(DType::Bytes, self.tensor.shape().to_vec(), data.into())
            .expect("there are as many elements as before");
        Ok(if tensor.shape().is_empty() {
            Payload::Bytes(scalar(&tensor))
        } else {
            array(Elements::Typed(tensor), self.columns)
        })
    }

    fn json(self, memory: &Meter) -> Result<Payload> {
        let data = self.tensor.data();
        let mut values = Vec::new();
        memory.take(self.tensor.len().saturating_mul(3 * size_of::<RawJson>()))?;
        for (index, element) in self.tensor.byte_elements().enumerate() {
            let value = check(&data.slice_ref(element)).map_err(|error| match error {
                DecodeError::Memory { error, .. } => *error,
                error => bad(format!(
                    "element {index} of input {}: {error}",
                    Short(&self.name)
                )),
            })?;
            values.push(value);
        }
        if let [value] = &values[..] {
            return Ok(Payload::Json(value.clone()));
        }
        memory.take(data.len())?;
        let mut list = vec![b'['];
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                list.push(b',');
            }
            list.extend_from_slice(value.as_bytes());
        }
        list.push(b']');
        Ok(Payload::Json(RawJson::from_checked(list.into())))
    }
}

fn array(elements: Elements, columns: Vec<String>) -> Payload {
    Payload::Array(Array {
        names: Names::Given(columns),
        layout: Layout::Nested,
        elements,
    })
}

/// The bytes of the one element.
fn scalar(tensor: &Tensor) -> Bytes {
    let element = tensor.byte_elements().next();
    element.map_or_else(Bytes::new, |element| tensor.data().slice_ref(element))
}

/// Text as a nested list: what NumPy makes of it is NumPy's business.
fn text_list(tensor: &Tensor, memory: &Meter) -> Result<RawJson> {
    // References to the elements, the list, and its brackets.
    let references = tensor.len().saturating_mul(size_of::<&[u8]>());
    let room = tensor.data().len().saturating_add(tensor.len());
    memory.take(references.saturating_add(2 * room))?;
    let mut list = Vec::with_capacity(room);
    write_tensor(tensor, tensor.shape(), &mut list);
    // Escapes make it up to six times as long.
    memory.take(list.capacity().saturating_sub(2 * room))?;
    Ok(RawJson::from_checked(list.into()))
}
