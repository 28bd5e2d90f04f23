//! The fields of requests, as they stand there.

use bytes::Bytes;
use streeling_core::{Error, Limit, Meter, Number, RawJson, Tensor};

use crate::error::{DecodeError, Result, take};
use crate::json::array::nested;
use crate::json::document::raw;
use crate::json::fields::{number, text};
use crate::json::scan::Cursor;
use crate::oip::message::{Parameters, RequestedOutput};
use crate::oip::parameters::{NAMES, bad};

/// What an entry of a table takes beside its text.
const ENTRY: usize = 512;

/// An input as it stands there, of which nothing has been put together.
#[derive(Default)]
pub(super) struct Input<'a> {
    pub(super) name: Option<String>,
    pub(super) shape: Option<Vec<i64>>,
    pub(super) datatype: Option<String>,
    pub(super) parameters: Parameters,
    pub(super) data: Option<Data<'a>>,
}

/// What `data` holds.
pub(super) enum Data<'a> {
    /// A regular list of numbers or booleans.
    Typed(Tensor),
    /// Anything else, which starts here.
    Other(Cursor<'a>),
}

/// A request as it stands there.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) id: Option<String>,
    pub(super) parameters: Parameters,
    pub(super) inputs: Option<Vec<Input<'a>>>,
    pub(super) outputs: Vec<RequestedOutput>,
}

/// Reads the fields of a request whose text is `body`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) body: &'r Bytes,
    pub(super) memory: &'r Meter,
}

impl Reader<'_> {
    /// A request.
    pub(super) fn request<'a>(self, cursor: &mut Cursor<'a>) -> Result<Request<'a>> {
        let mut request = Request::default();
        object(cursor, |cursor, name| {
            match name {
                "id" => request.id = Some(self.text(cursor)?),
                "parameters" => request.parameters = self.parameters(cursor, false)?,
                "inputs" => request.inputs = Some(self.inputs(cursor)?),
                "outputs" => request.outputs = self.outputs(cursor)?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(request)
    }

    /// A message of a graph: a request, or a response, whose outputs are what goes in.
    pub(super) fn message<'a>(self, cursor: &mut Cursor<'a>) -> Result<Request<'a>> {
        let mut request = Request::default();
        object(cursor, |cursor, name| {
            match name {
                "id" => request.id = Some(self.text(cursor)?),
                "parameters" => request.parameters = self.parameters(cursor, false)?,
                "inputs" | "outputs" => request.inputs = Some(self.inputs(cursor)?),
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(request)
    }

    fn inputs<'a>(self, cursor: &mut Cursor<'a>) -> Result<Vec<Input<'a>>> {
        let mut inputs = Vec::new();
        cursor.list(|cursor| {
            take(self.memory, 3 * size_of::<Input<'_>>() + 64, cursor.pos)?;
            inputs.push(self.input(cursor)?);
            Ok(())
        })?;
        Ok(inputs)
    }

    fn input<'a>(self, cursor: &mut Cursor<'a>) -> Result<Input<'a>> {
        let mut input = Input::default();
        object(cursor, |cursor, name| {
            match name {
                "name" => input.name = Some(self.text(cursor)?),
                "datatype" => input.datatype = Some(self.text(cursor)?),
                "shape" => input.shape = Some(self.shape(cursor)?),
                "parameters" => input.parameters = self.parameters(cursor, true)?,
                "data" => input.data = Some(self.data(cursor)?),
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(input)
    }

    fn outputs(self, cursor: &mut Cursor<'_>) -> Result<Vec<RequestedOutput>> {
        let mut outputs = Vec::new();
        cursor.list(|cursor| {
            take(
                self.memory,
                3 * size_of::<RequestedOutput>() + 64,
                cursor.pos,
            )?;
            let start = *cursor;
            let mut found = None;
            let mut parameters = Parameters::new();
            object(cursor, |cursor, name| {
                match name {
                    "name" => found = Some(self.text(cursor)?),
                    "parameters" => parameters = self.parameters(cursor, false)?,
                    _ => cursor.skip()?,
                }
                Ok(())
            })?;
            let name = found.ok_or_else(|| {
                DecodeError::invalid(start.pos, "a requested output without a name")
            })?;
            outputs.push(RequestedOutput { name, parameters });
            Ok(())
        })?;
        Ok(outputs)
    }

    fn text(self, cursor: &mut Cursor<'_>) -> Result<String> {
        let text = text(cursor)?;
        take(self.memory, text.len(), cursor.pos)?;
        Ok(text)
    }

    fn shape(self, cursor: &mut Cursor<'_>) -> Result<Vec<i64>> {
        let mut sides = Vec::new();
        cursor.list(|cursor| {
            take(self.memory, 2 * size_of::<i64>(), cursor.pos)?;
            let here = *cursor;
            match number(cursor)? {
                Number::Int(side) => sides.push(side),
                Number::Float(_) => return Err(here.wrong_type("an integer")),
            }
            Ok(())
        })?;
        Ok(sides)
    }

    /// Texts, numbers and booleans; of an input also the list of its columns' names.
    fn parameters(self, cursor: &mut Cursor<'_>, of_input: bool) -> Result<Parameters> {
        let mut parameters = Parameters::new();
        cursor.object(|cursor, span| {
            let name = cursor.text(span)?;
            take(self.memory, ENTRY + name.len(), cursor.pos)?;
            match cursor.kind() {
                Some("null") => cursor.skip()?,
                Some("an object") => return Err(wrong_parameter(cursor).inside(&name)),
                Some("a list") if !(of_input && name == NAMES) => {
                    return Err(wrong_parameter(cursor).inside(&name));
                }
                _ => {
                    let value = raw(self.body, cursor).map_err(|error| error.inside(&name))?;
                    let value = detached(&value);
                    parameters.insert(name.into_owned(), value);
                }
            }
            Ok(())
        })?;
        Ok(parameters)
    }

    fn data<'a>(self, cursor: &mut Cursor<'a>) -> Result<Data<'a>> {
        let start = *cursor;
        if let Some(tensor) = nested(cursor) {
            take(self.memory, tensor.data().len(), start.pos)?;
            return Ok(Data::Typed(tensor));
        }
        *cursor = start;
        cursor.skip()?;
        Ok(Data::Other(start))
    }
}

/// A small value of its own, so that a parameter does not hold a large body.
fn detached(value: &RawJson) -> RawJson {
    const SMALL: usize = 256;
    if value.as_bytes().len() > SMALL {
        return value.clone();
    }
    RawJson::from_checked(Bytes::copy_from_slice(value.as_bytes()))
}

#[cold]
fn wrong_parameter(cursor: &Cursor<'_>) -> DecodeError {
    cursor.wrong_type("a string, a number or a boolean")
}

/// Walks over an object; `each` is called with the name of a field that is not null, and must walk
/// over its value.
pub(super) fn object<'a>(
    cursor: &mut Cursor<'a>,
    mut each: impl FnMut(&mut Cursor<'a>, &str) -> Result<()>,
) -> Result<()> {
    cursor.object(|cursor, span| {
        if cursor.take_word(b"null") {
            return Ok(());
        }
        let name = cursor.field(span);
        each(cursor, &name).map_err(|error| error.inside(&name))
    })
}

/// The error of a body that cannot be read.
#[cold]
pub(in crate::oip) fn refused(error: DecodeError) -> Error {
    match error {
        DecodeError::Memory { error, .. } => *error,
        DecodeError::TooDeep { .. } => bad(error.to_string()).beyond(Limit::JsonDepth),
        error => bad(error.to_string()),
    }
}
