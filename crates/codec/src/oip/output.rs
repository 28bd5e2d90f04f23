//! From a component's response to outputs.

use std::collections::HashMap;

use streeling_core::{
    Array, DType, Elements, Error, ErrorKind, Layout, Message, Named, Names, Payload, RawJson,
    Result, Table, Tensor,
};

use super::message::{InferResponse, NamedTensor, Parameters, RequestedOutput};
use super::parameters::{ContentType, NAMES, Short, bad};
use super::text::regular_texts;
use crate::json::array::nested;
use crate::json::binary::encode_base64;
use crate::json::scan::Cursor;
use crate::json::{encode_string, writer::write_list};

/// The name of the only output, where nothing else names it.
const ONLY: &str = "predict";

/// The response that says what a component has returned; `requested` selects the outputs and puts
/// them in order.
///
/// - An array is one output of its datatype, with the names of its columns, where the component
///   has given any, in parameter `names`: a string with the JSON of a list, since the protocol has
///   no lists among its parameters. Lists of text become `BYTES` with `content_type` `str`.
/// - Text is an output of `BYTES`, too. Bytes are `BYTES` with `content_type` `base64` and the text
///   of that, in any form of the protocol. Whatever else JSON can say is one element of `BYTES`,
///   with `content_type` `json`.
/// - [`Payload::Named`] is one output each.
/// - The only output is called as the request calls the only one that it wants, else `predict`.
/// - Tags are parameters: texts, numbers and booleans as they are, lists and objects as strings
///   with their JSON; null is left out.
///
/// # Errors
///
/// [`ErrorKind::BadData`] where an output is requested that is not there, or one twice;
/// [`ErrorKind::Component`] for what no tensor can hold.
pub fn response(message: Message, requested: &[RequestedOutput]) -> Result<InferResponse> {
    response_named(message, requested, &[])
}

/// As [`response`], where `known` are the names that the component's metadata has for its outputs:
/// if it is a single one, an output that has no other name is called so.
///
/// # Errors
///
/// As [`response`].
pub fn response_named(
    message: Message,
    requested: &[RequestedOutput],
    known: &[String],
) -> Result<InferResponse> {
    if let Some(status) = message.status.filter(|status| status.failure) {
        return Err(Error {
            code: Some(status.code),
            ..Error::new(ErrorKind::Component, status.info)
        });
    }
    let outputs = match message.payload {
        Payload::None => Vec::new(),
        Payload::Named(named) | Payload::Columns(named) => {
            let outputs = named
                .into_iter()
                .map(|Named { name, payload }| output(name, payload));
            outputs.collect::<Result<_>>()?
        }
        payload => {
            let name = match (known, requested) {
                ([known], _) => known,
                (_, [requested]) => &requested.name,
                _ => ONLY,
            };
            vec![output(name.to_owned(), payload)?]
        }
    };
    Ok(InferResponse {
        id: message.meta.id,
        parameters: parameters(message.meta.tags),
        outputs: selected(outputs, requested)?,
    })
}

/// The outputs that are requested, in that order; all of them where none is.
fn selected(outputs: Vec<NamedTensor>, requested: &[RequestedOutput]) -> Result<Vec<NamedTensor>> {
    if requested.is_empty() {
        return Ok(outputs);
    }
    let places = outputs.iter().enumerate();
    let places: HashMap<_, _> = places
        .map(|(place, one)| (one.name.clone(), place))
        .collect();
    let mut outputs: Vec<_> = outputs.into_iter().map(Some).collect();
    let select = |requested: &RequestedOutput| {
        let name = &requested.name;
        let Some(&place) = places.get(name) else {
            return Err(unknown(name, places.keys()));
        };
        outputs[place]
            .take()
            .ok_or_else(|| bad(format!("output {} is requested twice", Short(name))))
    };
    requested.iter().map(select).collect()
}

#[cold]
fn unknown<'a>(name: &str, there: impl Iterator<Item = &'a String>) -> Error {
    /// Names that an error shows.
    const MOST: usize = 32;
    let mut there: Vec<_> = there.map(|name| Short(name).to_string()).collect();
    there.sort_unstable();
    let more = if there.len() > MOST { ", …" } else { "" };
    there.truncate(MOST);
    let there = match there.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there are {}{more}", there.join(", ")),
    };
    bad(format!("no output is called {}, {there}", Short(name)))
}

fn output(name: String, payload: Payload) -> Result<NamedTensor> {
    let (tensor, parameters) = match payload {
        Payload::Array(array) => of_array(array)?,
        Payload::Text(text) => (one(text.as_bytes())?, ContentType::Text.parameters()),
        Payload::Bytes(bytes) => base64(vec![1], [&bytes[..]])?,
        Payload::Json(json) | Payload::Quoted(json) => of_json(&json)?,
        Payload::None => return Err(unsayable(&name, "nothing")),
        Payload::Any { type_url, .. } => {
            return Err(unsayable(
                &name,
                &format!("the protobuf message {type_url}"),
            ));
        }
        Payload::Opaque(_) => return Err(unsayable(&name, "a body that the server has not read")),
        Payload::Named(_) | Payload::Columns(_) => {
            return Err(unsayable(&name, "several outputs in one"));
        }
    };
    Ok(NamedTensor {
        name,
        parameters,
        tensor,
    })
}

fn of_array(array: Array) -> Result<(Tensor, Parameters)> {
    let (tensor, mut parameters) = match array.elements {
        Elements::Typed(tensor) if tensor.dtype() == DType::Bytes => {
            base64(tensor.shape().to_vec(), tensor.byte_elements())?
        }
        Elements::Typed(tensor) => (tensor, Parameters::new()),
        Elements::Json(json) if array.layout == Layout::Flat => of_json(&json)?,
        Elements::Json(json) => of_list(&json)?,
    };
    if let Names::Given(names) = &array.names
        && !names.is_empty()
    {
        let mut list = Vec::new();
        write_list(names, &mut list, |name, out| encode_string(name, out));
        parameters.insert(NAMES.to_owned(), as_string(&list));
    }
    Ok((tensor, parameters))
}

/// A nested list: numbers or booleans as they are, text as `BYTES`, anything else as JSON.
fn of_list(json: &RawJson) -> Result<(Tensor, Parameters)> {
    let start = Cursor::new(json.as_bytes()).map_err(|error| component(&error))?;
    let mut cursor = start;
    if let Some(tensor) = nested(&mut cursor)
        && cursor.end().is_ok()
    {
        return Ok((tensor, Parameters::new()));
    }
    match regular_texts(start) {
        Some(tensor) => Ok((tensor, ContentType::Text.parameters())),
        None => of_json(json),
    }
}

fn of_json(json: &RawJson) -> Result<(Tensor, Parameters)> {
    Ok((one(json.as_bytes())?, ContentType::Json.parameters()))
}

/// A single element of `BYTES`.
fn one(element: &[u8]) -> Result<Tensor> {
    elements(vec![1], [element])
}

fn base64<'a>(
    shape: Vec<usize>,
    bytes: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Tensor, Parameters)> {
    let tensor = elements(shape, bytes.into_iter().map(encode_base64))?;
    Ok((tensor, ContentType::Base64.parameters()))
}

fn elements<E: AsRef<[u8]>>(
    shape: Vec<usize>,
    elements: impl IntoIterator<Item = E>,
) -> Result<Tensor> {
    let mut data = Vec::new();
    for element in elements {
        let element = element.as_ref();
        let length = u32::try_from(element.len()).map_err(|_| {
            component(&format!(
                "an element of BYTES has {} bytes, allowed are {}",
                element.len(),
                u32::MAX
            ))
        })?;
        data.reserve(size_of::<u32>() + element.len());
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(element);
    }
    Tensor::new(DType::Bytes, shape, data.into()).map_err(|error| component(&error))
}

/// Tags as parameters.
fn parameters(tags: Table<RawJson>) -> Parameters {
    let simple = tags.into_iter().filter_map(|(name, value)| {
        let value = match value.as_bytes() {
            b"null" => return None,
            b"NaN" | b"Infinity" | b"-Infinity" => as_string(value.as_bytes()),
            [b'[' | b'{', ..] => as_string(value.as_bytes()),
            _ => value,
        };
        Some((name, value))
    });
    simple.collect()
}

/// JSON as a string.
fn as_string(json: &[u8]) -> RawJson {
    let mut text = Vec::with_capacity(json.len() + 16);
    encode_string(&String::from_utf8_lossy(json), &mut text);
    RawJson::from_checked(text.into())
}

#[cold]
fn unsayable(name: &str, what: &str) -> Error {
    component(&format!(
        "output {} is {what}, which no tensor holds",
        Short(name)
    ))
}

#[cold]
fn component(error: &dyn std::fmt::Display) -> Error {
    let info = format!("the component's response cannot be sent: {error}");
    Error::new(ErrorKind::Component, info)
}
